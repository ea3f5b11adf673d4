// What a strand may do, one thing after the other.

import { carryOut } from "./carry-out.mjs";
import { meet } from "./meet.mjs";

/** @import { Meeting } from "./meeting.ts" */
/** @import { Round } from "./round.ts" */
/** @import { Strand } from "./carry-out.mjs" */

/** @typedef {Round | Meeting} Step */

/**
 * @param {Step} step
 * @param {Strand} strand
 * @returns {Promise<void>}
 */
export function take(step, strand) {
  switch (step.primitive) {
    case "barrier":
      return meet(step, strand);
    default:
      return carryOut(step, strand);
  }
}
