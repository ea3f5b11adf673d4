// What one strand of a process does, whether the process is a real one or a simulated one.

import { beliefIn } from "./belief.mjs";
import { primitives } from "./primitives.mjs";

/** @import { Hold, Locks, WriteHold } from "microlock" */
/** @import { HistoryEvent, RequestEvent } from "../../../src/testkit/history/event.ts" */
/** @import { Round } from "./round.ts" */

/**
 * @typedef {object} Strand
 * @property {string} who
 * @property {Locks} locks
 * @property {readonly string[]} expected the codes of errors that may come
 * @property {() => number} now
 * @property {(ms: number) => Promise<void>} pause
 * @property {() => Promise<void>} calm resolves when everybody had the time to do what can be done
 * @property {() => Promise<void>} nobodyComes resolves when it is of no use to wait for others
 * @property {(event: HistoryEvent) => void} tell
 * @property {() => void} [failed] hears that what got in did not leave in good order
 * @property {number} [lookMs] how often a holder looks whether it still holds
 */

// What the requests of a strand reject with once it has changed its mind.
const enough = "changed its mind";
const usualLookMs = 5;

/**
 * Asks for a lock, uses it and lets go of it, and tells all that.
 *
 * @param {Round} round
 * @param {Strand} strand
 */
export async function carryOut(round, strand) {
  const { primitive, names, mode, permits, how, waitMs, everyMs, minHoldMs } = round;
  const { who, locks, expected, now } = strand;
  const tell = telling(round, strand);
  const lock = primitives[primitive].lock(locks, names, { mode, permits, everyMs, minHoldMs });
  const reason = JSON.stringify({ who, names, mode, permits });
  const linger = round.lingerMs === undefined ? {} : { lingerMs: round.lingerMs };
  const options = { signal: changeOfMind(round, strand), reason, ...linger };
  const patience = how !== "tryAcquire" && waitMs !== undefined ? { waitMs } : {};
  let gotIt = false;
  let lastWrite = Promise.resolve();
  /** @param {Hold} hold */
  const use = async (hold) => {
    gotIt = true;
    const now = await keep(hold, round, strand);
    // It may arrive after the release, and must not be carried out then.
    if (round.writesAsItLeaves) lastWrite = write(hold, now, "last").catch(unlessLost);
  };
  /** @param {string} why */
  const gaveUp = (why) => tell({ at: now(), kind: "gave up", why });

  const asked = how === "tryAcquire" || everyMs !== undefined ? { waitMs: 0 } : patience;
  tell({ at: now(), kind: "asked", ...asked });
  try {
    if (how === "run") {
      await lock.run({ ...options, ...patience }, use);
    } else {
      const hold = await lock[how]({ ...options, ...patience });
      if (!hold) return gaveUp("somebody else has it");
      await use(hold).finally(() => hold.release());
    }
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message?: string }} */ (error);
    if (message !== enough && !expected.includes(code ?? "")) throw error;
    if (gotIt) strand.failed?.();
    else gaveUp(code ?? enough);
  }
  await lastWrite;
}

/**
 * Tells something of each of the names that a round asks for.
 *
 * @param {Round} round
 * @param {Strand} strand
 * @returns {(event: Pick<RequestEvent, "at" | "kind"> & Partial<RequestEvent>) => void}
 */
function telling({ names, mode, permits, everyMs, minHoldMs, lingerMs }, { who, tell }) {
  const ticks = everyMs === undefined ? {} : { windowMs: everyMs / 2, minHoldMs };
  const lingers = lingerMs === undefined ? {} : { lingers: true };
  return (event) => {
    for (const name of names) {
      tell({ who, name, names, mode, permits, ...ticks, ...lingers, ...event });
    }
  };
}

/**
 * Resolves with what the round is by then: that of a reader, if a writer has become one.
 *
 * @param {Hold} hold
 * @param {Round} round
 * @param {Strand} strand
 * @returns {Promise<Round>}
 */
async function keep(hold, round, strand) {
  const { holdMs, writes, downgrades } = round;
  const { now, pause, calm, lookMs = usualLookMs } = strand;
  const belief = beliefIn(hold, now, telling(round, strand));
  let current = round;
  /** @param {number} ms */
  const stay = async (ms) => {
    for (let leftMs = ms; leftMs > 0 && belief.isHeld(); leftMs -= lookMs) {
      await pause(Math.min(leftMs, lookMs));
    }
  };
  if (!belief.begin()) return round;
  try {
    await stay(downgrades ? holdMs / 2 : holdMs);
    for (let index = 0; index < writes; index++) await write(hold, round, index);
    if (downgrades && belief.share()) {
      await /** @type {WriteHold} */ (hold).downgrade();
      current = { ...round, mode: "read" };
      await stay(holdMs / 2);
      for (let index = 0; index < writes; index++) await write(hold, current, `reader ${index}`);
      // Readers must not need our release to get in.
      await calm();
    }
  } finally {
    belief.end();
  }
  return current;
}

/**
 * Writes to what the lock protects.
 *
 * @param {Hold} hold
 * @param {Round} round
 * @param {number | string} which
 */
async function write(hold, { names, mode, permits }, which) {
  const [first = "", ...others] = names;
  const value = JSON.stringify({ mode, permits });
  /** @param {string} name */
  const key = (name) => `written/${name}/${hold.fencingToken}/${which}`;
  if (others.length === 0) return hold.put(key(first), value);
  await hold.txn({
    success: names.map((name) => ({ op: "put", request: { key: key(name), value } })),
  });
}

/** @param {{ code?: string }} error */
function unlessLost(error) {
  const codes = ["LOCK_LOST", "STORE_UNAVAILABLE", "STORE_FULL"];
  if (!codes.includes(error.code ?? "")) throw error;
}

/**
 * @param {Round} round
 * @param {Strand} strand
 */
function changeOfMind({ giveUpMs }, { pause }) {
  const controller = new AbortController();
  if (giveUpMs !== undefined) {
    void pause(giveUpMs).then(() => controller.abort(new Error(enough)));
  }
  return controller.signal;
}
