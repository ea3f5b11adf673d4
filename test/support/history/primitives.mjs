// How to ask for each primitive: for the processes, which run the built package, and for the
// simulation, which runs the sources.

/** @import { Hold, Locks } from "microlock" */
/** @import { Want } from "./event.ts" */

/**
 * @typedef {object} Options
 * @property {AbortSignal} signal
 * @property {string} reason
 * @property {number} [waitMs]
 */

/**
 * @typedef {object} Lock what can be asked for one want
 * @property {(options: Options) => Promise<Hold>} acquire
 * @property {(options: Omit<Options, "waitMs">) => Promise<Hold | undefined>} tryAcquire
 * @property {(options: Options, work: (hold: Hold) => Promise<void>) => Promise<void>} run
 */

/**
 * @typedef {object} Primitive
 * @property {readonly Want[]} wants what somebody may want of it
 * @property {number} capacity how many permits there are, if it has any
 * @property {(locks: Locks, name: string, want: Want) => Lock} lock
 */

/** @typedef {keyof typeof primitives} PrimitiveName */

export const primitives = {
  /** @type {Primitive} */
  mutex: {
    wants: [{ mode: "exclusive", permits: 1 }],
    capacity: 1,
    lock: (locks, name) => locks.mutex(name),
  },
};
