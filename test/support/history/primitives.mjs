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
  /** @type {Primitive} */
  rwLock: {
    wants: [
      { mode: "read", permits: 1 },
      { mode: "write", permits: 1 },
    ],
    capacity: 1,
    lock: (locks, name, { mode }) => locks.rwLock(name)[mode === "read" ? "read" : "write"],
  },
  /** @type {Primitive} */
  semaphore: {
    wants: [
      { mode: "permits", permits: 1 },
      { mode: "permits", permits: 2 },
      { mode: "permits", permits: 3 },
    ],
    capacity: 3,
    lock(locks, name, { permits }) {
      const semaphore = locks.semaphore(name, 3);
      return {
        acquire: (options) => semaphore.acquire({ ...options, permits }),
        tryAcquire: (options) => semaphore.tryAcquire({ ...options, permits }),
        run: (options, work) => semaphore.run({ ...options, permits }, work),
      };
    },
  },
  /** @type {Primitive} */
  election: {
    wants: [{ mode: "election", permits: 1 }],
    capacity: 1,
    lock(locks, name) {
      const election = locks.election(name);
      /** @param {Options} options */
      const campaign = ({ reason, ...options }) => election.campaign(reason, options);
      return {
        acquire: campaign,
        tryAcquire: (options) =>
          campaign({ ...options, waitMs: 0 }).catch((error) => {
            if (error.code !== "ALREADY_LOCKED") throw error;
            return undefined;
          }),
        run: async (options, work) => {
          const hold = await campaign(options);
          await work(hold).finally(() => hold.release());
        },
      };
    },
  },
  /** @type {Primitive} */
  mixed: {
    wants: [
      { mode: "exclusive", permits: 1 },
      { mode: "read", permits: 1 },
      { mode: "write", permits: 1 },
    ],
    capacity: 1,
    lock: (locks, name, { mode }) =>
      mode === "exclusive"
        ? locks.mutex(name)
        : locks.rwLock(name)[mode === "read" ? "read" : "write"],
  },
};
