// What a strand may do, one thing after the other.

import { carryOut } from "./carry-out.mjs";
import { countDown } from "./count-down.mjs";
import { meet } from "./meet.mjs";

/** @import { Counting } from "./counting.ts" */
/** @import { Meeting } from "./meeting.ts" */
/** @import { Round } from "./round.ts" */
/** @import { Strand } from "./carry-out.mjs" */

/** @typedef {Round | Meeting | Counting} Step */

/**
 * @param {Step} step
 * @param {Strand} strand
 * @returns {Promise<void>}
 */
export function take(step, strand) {
  switch (step.primitive) {
    case "barrier":
      return meet(step, strand);
    case "latch":
      return countDown(step, strand);
    default:
      return carryOut(step, strand);
  }
}
