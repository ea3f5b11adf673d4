import assert from "node:assert/strict";
import { isFree, type Operation, stands } from "../stage.ts";

/** Where some wait for each other, and what is done once by all. */
export const gatherings: readonly Operation[] = [
  {
    title: "countDown of a latch",
    prepare:
      async ({ locks, others, name }) =>
      async () => {
        const left = await locks.latch(name, 3).countDown();
        return async () => {
          assert.equal(left, 2);
          assert.equal(await others.latch(name, 3).count(), 2);
          await others.latch(name, 3).reset();
        };
      },
  },
  {
    title: "reset of a latch",
    prepare: async (stage) => {
      const { locks, others, name } = stage;
      await Promise.all([others.latch(name, 3).countDown(), others.latch(name, 3).countDown()]);
      await stands(stage, 2);
      return async () => {
        await locks.latch(name, 3).reset();
        return async () => {
          await isFree(stage);
          assert.equal(await others.latch(name, 3).count(), 3);
        };
      };
    },
  },
  {
    title: "wait for a latch",
    prepare:
      async ({ locks, others, name }) =>
      async () => {
        await Promise.all([locks.latch(name, 1).wait(), others.latch(name, 1).countDown()]);
        return async () => others.latch(name, 1).reset();
      },
  },
  {
    title: "barrier",
    // Who comes again is one more: the other one may have gone in with whom it left.
    isFinal: true,
    prepare: async (stage) => {
      const { locks, others, name } = stage;
      return async () => {
        const parties = [locks, others].map((client) => client.barrier(name, 2));
        // Whoever is told that there was no answer has left: the other one is not to wait for it.
        const over = new AbortController();
        const each = parties.map(async (party) => {
          try {
            await party.enter({ signal: over.signal });
            await party.leave({ signal: over.signal });
          } catch (error) {
            over.abort();
            throw error;
          }
        });
        const [ours] = await Promise.allSettled(each);
        if (ours?.status === "rejected") throw ours.reason;
        return async () => stands(stage, 0);
      };
    },
  },
  {
    title: "once",
    prepare: async (stage) => {
      let runs = 0;
      return async () => {
        const work = (): void => {
          runs += 1;
        };
        const outcome = await stage.locks
          .once(stage.name, { everyMs: 1 }, work)
          .catch((error: unknown) => {
            // The work is done, and to be asked for again only by somebody who wants it twice.
            if (runs === 0) throw error;
          });
        return async () => {
          assert.equal(runs, 1);
          if (outcome) assert.equal(outcome.ran, true);
        };
      };
    },
  },
  {
    title: "untilFree",
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      return async () => {
        await Promise.all([stage.locks.untilFree(stage.name), first.release()]);
        return async () => isFree(stage);
      };
    },
  },
];
