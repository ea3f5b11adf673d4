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
        const waiting = locks.latch(name, 1).wait();
        await others.latch(name, 1).countDown();
        await waiting;
        return async () => others.latch(name, 1).reset();
      },
  },
  {
    title: "barrier",
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
        const { ran } = await stage.locks.once(stage.name, { everyMs: 1 }, () => {
          runs += 1;
        });
        return async () => assert.deepEqual({ ran, runs }, { ran: true, runs: 1 });
      };
    },
  },
  {
    title: "untilFree",
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      return async () => {
        const waiting = stage.locks.untilFree(stage.name);
        await first.release();
        await waiting;
        return async () => isFree(stage);
      };
    },
  },
];
