// What one strand of a process does, whether the process is a real one or a simulated one.

import { primitives } from "./primitives.mjs";

/** @import { Hold, Locks } from "microlock" */
/** @import { HistoryEvent } from "./event.ts" */
/** @import { PrimitiveName } from "./primitives.mjs" */
/** @import { Round } from "./round.ts" */

/**
 * @typedef {object} Strand
 * @property {string} who
 * @property {Locks} locks
 * @property {PrimitiveName} primitive
 * @property {readonly string[]} expected the codes of errors that may come
 * @property {() => number} now
 * @property {(ms: number) => Promise<void>} pause
 * @property {(event: HistoryEvent) => void} tell
 */

// What the requests of a strand reject with once it has changed its mind.
const enough = "changed its mind";
// How often a holder looks whether it still holds.
const lookMs = 5;

/**
 * Asks for a lock, uses it and lets go of it, and tells all that.
 *
 * @param {Round} round
 * @param {Strand} strand
 */
export async function carryOut(round, strand) {
  const { name, mode, permits, how, waitMs } = round;
  const { who, locks, primitive, expected, now, tell } = strand;
  const about = { who, name, mode, permits };
  const lock = primitives[primitive].lock(locks, name, about);
  const options = { signal: changeOfMind(round, strand), reason: JSON.stringify(about) };
  const patience = how !== "tryAcquire" && waitMs !== undefined ? { waitMs } : {};
  let gotIt = false;
  let lastWrite = Promise.resolve();
  /** @param {Hold} hold */
  const use = async (hold) => {
    gotIt = true;
    await keep(hold, round, strand);
    // It may arrive after the release, and must not be carried out then.
    if (round.writesAsItLeaves) lastWrite = write(hold, round, "last").catch(unlessLost);
  };
  /** @param {string} why */
  const gaveUp = (why) => tell({ at: now(), ...about, kind: "gave up", why });

  const asked = how === "tryAcquire" ? { waitMs: 0 } : patience;
  tell({ at: now(), ...about, kind: "asked", ...asked });
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
    if (!gotIt) gaveUp(code ?? enough);
  }
  await lastWrite;
}

/**
 * Each moment is taken before `held` is asked: whoever is told that it holds did so then.
 *
 * @param {Hold} hold
 * @param {Round} round
 * @param {Strand} strand
 */
async function keep(hold, round, { who, now, pause, tell }) {
  const { name, mode, permits, holdMs, writes } = round;
  const about = { who, name, mode, permits };
  const token = String(hold.fencingToken);
  let heldUntil = now();
  const stillHeld = () => {
    const at = now();
    const { held } = hold;
    if (held) heldUntil = at;
    return held;
  };
  if (!stillHeld()) return tell({ at: now(), ...about, kind: "gave up", why: "lost at once" });
  tell({ at: heldUntil, ...about, kind: "got", token });
  try {
    for (let leftMs = holdMs; leftMs > 0 && stillHeld(); leftMs -= lookMs) {
      await pause(Math.min(leftMs, lookMs));
    }
    for (let index = 0; index < writes; index++) await write(hold, round, index);
  } finally {
    if (stillHeld()) {
      tell({ at: heldUntil, ...about, kind: "left", token });
    } else {
      const why = hold.signal.reason?.reason;
      tell({ at: now(), ...about, kind: "lost", token, heldUntil, why });
    }
  }
}

/**
 * Writes to what the lock protects.
 *
 * @param {Hold} hold
 * @param {Round} round
 * @param {number | string} which
 */
function write(hold, { name, mode, permits }, which) {
  const key = `written/${name}/${hold.fencingToken}/${which}`;
  return hold.put(key, JSON.stringify({ mode, permits }));
}

/** @param {{ code?: string }} error */
function unlessLost(error) {
  if (error.code !== "LOCK_LOST" && error.code !== "STORE_UNAVAILABLE") throw error;
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
