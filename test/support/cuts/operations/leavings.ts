import assert from "node:assert/strict";
import { LockLostError } from "../../../../src/errors.ts";
import {
  acquireIt,
  holding,
  isFree,
  isHeldOnce,
  type Operation,
  several,
  stands,
  type Taking,
} from "../stage.ts";

/** Lets go of what is held: what is gone when it says so, and does not go on for nobody. */
function releasing(title: string, take: Taking): Operation {
  const operation = holding(title, take, async (stage, hold) => {
    await hold.release();
    await isFree(stage, hold.names);
    return async () => assert.equal(hold.held, false);
  });
  return { ...operation, isFinal: true };
}

/** All that lets go of a lock, or hands it on. */
export const leavings: readonly Operation[] = [
  releasing("release", acquireIt),
  releasing("release of several", (stage) => stage.locks.acquire(several(stage))),
  releasing("release with lingerMs", ({ locks, name }) => locks.acquire(name, { lingerMs: 2_000 })),
  releasing("release of permits", ({ locks, name }) =>
    locks.semaphore(name, 3).acquire({ permits: 2 }),
  ),
  {
    title: "release to somebody who waits",
    isFinal: true,
    prepare: async (stage) => {
      const hold = await stage.locks.acquire(stage.name);
      const asking = stage.others.acquire(stage.name);
      await stands(stage, 2);
      const letIn = async (): Promise<void> => {
        const next = await asking;
        assert.ok(next.fencingToken > hold.fencingToken);
        await isHeldOnce(stage, next);
        await next.release();
      };
      return async () => {
        // Whether it was answered or not, the next one gets in.
        await hold.release().catch(async (error: unknown) => {
          await letIn();
          throw error;
        });
        return letIn;
      };
    },
  },
  {
    ...holding("detach", acquireIt, async (stage, hold) => {
      const ticket = await hold.detach();
      return async () => {
        const attached = await stage.others.attach(ticket);
        assert.equal(attached.fencingToken, hold.fencingToken);
        await isHeldOnce(stage, attached);
        await attached.release();
      };
    }),
    isFinal: true,
  },
  {
    title: "attach",
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      const ticket = await first.detach();
      let asked = 0;
      return async () => {
        asked += 1;
        const hold = await stage.locks.attach(ticket).catch((error: unknown) => {
          // It was carried out, and given up for want of an answer.
          if (asked > 1 && error instanceof LockLostError) return undefined;
          throw error;
        });
        return async () => {
          if (!hold) return;
          assert.equal(hold.fencingToken, first.fencingToken);
          await isHeldOnce(stage, hold);
          await hold.release();
        };
      };
    },
  },
  {
    title: "forceRelease",
    prepare: async (stage) => {
      const { locks, others, name } = stage;
      const [first, asking] = [await others.acquire(name), others.acquire(name)];
      await stands(stage, 2);
      return async () => {
        await locks.forceRelease(name, {
          reason: "a cut",
          graceMs: 0,
          fencingToken: first.fencingToken,
        });
        return async () => {
          const next = await asking;
          assert.equal(first.held, false);
          await isHeldOnce(stage, next);
          await next.release();
        };
      };
    },
  },
];
