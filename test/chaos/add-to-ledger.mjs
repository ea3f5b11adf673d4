// What one strand of a client does with a ledger: it reads, thinks, and writes what it made of that.

import { beliefIn } from "../support/history/belief.mjs";

/** @import { Hold } from "microlock" */
/** @import { Strand } from "../support/history/carry-out.mjs" */

/**
 * @typedef {object} Addition
 * @property {"ledger"} primitive
 * @property {string} name
 * @property {number} thinkMs how long it takes from reading to writing
 * @property {number} restMs
 */

/**
 * @typedef {object} Target
 * @property {string} url of the ledger
 * @property {string} item what to add
 */

// How often a holder looks whether it still holds.
const lookMs = 5;

/**
 * Takes the lock, adds an item and tells whether that was confirmed. It does not ask whether it still
 * holds before it writes, as if it had been stopped right after it did: that is for the ledger to notice.
 *
 * @param {Addition} addition
 * @param {Strand} strand
 * @param {Target} target
 */
export async function addToLedger({ name, thinkMs }, strand, target) {
  const { who, locks, expected, now } = strand;
  const want = /** @type {const} */ ({ names: [name], mode: "exclusive", permits: 1 });
  const tell = (/** @type {any} */ event) =>
    strand.tell({ at: now(), who, name, ...want, ...event });
  /** @param {{ code?: string }} error */
  const unlessExpected = (error) => {
    if (!expected.includes(error.code ?? "")) throw error;
    return error.code;
  };

  tell({ kind: "asked" });
  const reason = JSON.stringify({ who, ...want });
  const asked = await locks.acquire(name, { reason }).catch(unlessExpected);
  if (typeof asked === "string" || !asked) return tell({ kind: "gave up", why: asked });
  await use(asked, thinkMs, strand, target, tell);
  await asked.release().catch(unlessExpected);
}

/**
 * @param {Hold} hold
 * @param {number} thinkMs
 * @param {Strand} strand
 * @param {Target} target
 * @param {(event: object) => void} tell
 */
async function use(hold, thinkMs, strand, { url, item }, tell) {
  const { who, now, pause } = strand;
  const token = String(hold.fencingToken);
  const belief = beliefIn(hold, now, tell);
  if (!belief.begin()) return;
  const seen = await ask(url, { who, token });
  for (let leftMs = thinkMs; leftMs > 0; leftMs -= lookMs) {
    await pause(Math.min(leftMs, lookMs));
    belief.isHeld();
  }
  if (seen) {
    const isDone = await ask(url, { who, token, items: [...seen, item] });
    if (isDone) tell({ kind: "added", item });
  }
  belief.end();
}

/**
 * @param {string} url
 * @param {object} request
 * @returns {Promise<any>} what is answered; nothing if the token was refused, or nobody knows
 */
async function ask(url, request) {
  try {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(request) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
