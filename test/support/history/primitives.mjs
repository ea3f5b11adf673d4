// How to ask for each primitive: for the processes, which run the built package, and for the
// simulation, which runs the sources.

/** @import { Hold, Locks } from "microlock" */
/** @import { Want } from "../../../src/testkit/history/event.ts" */

/**
 * @typedef {object} Options
 * @property {AbortSignal} signal
 * @property {string} reason
 * @property {number} [waitMs]
 * @property {number} [lingerMs]
 */

/**
 * @typedef {object} Lock what can be asked for one want
 * @property {(options: Options) => Promise<Hold>} acquire
 * @property {(options: Omit<Options, "waitMs">) => Promise<Hold | undefined>} tryAcquire
 * @property {(options: Options, work: (hold: Hold) => Promise<void>) => Promise<void>} run
 */

/**
 * @typedef {object} Ticks
 * @property {number | undefined} everyMs
 * @property {number | undefined} minHoldMs
 */

/**
 * @typedef {object} Primitive
 * @property {readonly Want[]} wants what somebody may want of it
 * @property {number} capacity how many permits there are, if it has any
 * @property {boolean} [takesSeveral] whether who wants it alone may ask for several names at once
 * @property {boolean} [hasTicks] whether it is done once per tick; then it only has `run`
 * @property {(locks: Locks, names: readonly string[], want: Want & Ticks) => Lock} lock
 */

/**
 * A lock for itself, of one name or several.
 *
 * @param {Locks} locks
 * @param {readonly string[]} names
 * @returns {Lock}
 */
const plain = (locks, names) => ({
  acquire: (options) => locks.acquire(names, options),
  tryAcquire: (options) => locks.tryAcquire(names, options),
  run: (options, work) => locks.run(names, options, work),
});

/** @returns {Promise<never>} */
const notToBeHad = () => Promise.reject(new Error("This can only be run"));

/**
 * @param {Locks} locks
 * @param {readonly string[]} names
 * @param {Want} want
 * @returns {Lock}
 */
const readOrWrite = (locks, [name = ""], { mode }) =>
  locks.rwLock(name)[mode === "read" ? "read" : "write"];

/** @typedef {keyof typeof primitives} PrimitiveName */

export const primitives = {
  /** @type {Primitive} */
  mutex: {
    wants: [{ mode: "exclusive", permits: 1 }],
    capacity: 1,
    lock: (locks, [name = ""]) => locks.mutex(name),
  },
  /** @type {Primitive} */
  several: {
    wants: [{ mode: "exclusive", permits: 1 }],
    capacity: 1,
    takesSeveral: true,
    lock: plain,
  },
  /** @type {Primitive} */
  rwLock: {
    wants: [
      { mode: "read", permits: 1 },
      { mode: "write", permits: 1 },
    ],
    capacity: 1,
    lock: readOrWrite,
  },
  /** @type {Primitive} */
  semaphore: {
    wants: [
      { mode: "permits", permits: 1 },
      { mode: "permits", permits: 2 },
      { mode: "permits", permits: 3 },
    ],
    capacity: 3,
    lock(locks, [name = ""], { permits }) {
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
    lock(locks, [name = ""]) {
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
  once: {
    wants: [{ mode: "exclusive", permits: 1 }],
    capacity: 1,
    hasTicks: true,
    lock: (locks, [name = ""], ticks) => ({
      acquire: notToBeHad,
      tryAcquire: notToBeHad,
      run: async ({ signal, reason }, work) => {
        const { everyMs = 0, minHoldMs = 0 } = ticks;
        const options = { everyMs, minHoldMs, signal, reason };
        const { ran } = await locks.once(name, options, work);
        if (!ran)
          throw Object.assign(new Error("somebody else does it"), { code: "ALREADY_LOCKED" });
      },
    }),
  },
  /** @type {Primitive} */
  mixed: {
    wants: [
      { mode: "exclusive", permits: 1 },
      { mode: "read", permits: 1 },
      { mode: "write", permits: 1 },
    ],
    capacity: 1,
    takesSeveral: true,
    lock: (locks, names, want) =>
      want.mode === "exclusive" ? plain(locks, names) : readOrWrite(locks, names, want),
  },
};
