// Takes and releases a lock all the time, and tells how long it took until that worked again.

import { setTimeout as sleep } from "node:timers/promises";

/** @import { Locks } from "microlock" */

/**
 * @param {Locks} locks
 * @param {string} name
 * @param {number[]} times gets the moment of each success
 * @param {AbortSignal} over
 */
export async function take(locks, name, times, over) {
  while (!over.aborted) {
    try {
      await locks.run(name, () => {});
      times.push(performance.now());
    } catch {
      // That is what is to be seen: there is no time to note.
    }
    await sleep(10);
  }
}

/**
 * Times as people read them: the median, those that a share of all stay below, and the worst.
 *
 * @param {readonly number[]} times
 * @param {number} share in per cent
 */
export function spread(times, share) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ percent) =>
    ms(sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN);
  return `p50 ${at(50)}, p${share} ${at(share)}, at worst ${at(100)} (${times.length} times)`;
}

/** @param {number} time */
export function ms(time) {
  return `${time.toFixed(0)} ms`;
}
