import assert from "node:assert/strict";
import { AlreadyLockedError } from "../../../../src/errors.ts";
import type { Hold } from "../../../../src/index.ts";
import {
  acquireIt,
  isFree,
  isHeldOnce,
  type Operation,
  type Stage,
  several,
  stands,
  taking,
} from "../stage.ts";

/** Asks for what somebody else holds, and gets it when that is over. */
function waiting(title: string, ask: (stage: Stage) => Promise<Hold>): Operation {
  return {
    title,
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      return async () => {
        const asking = ask(stage);
        // It may be told that there was no answer, and asks again then, when nobody holds it.
        await Promise.race([stands(stage, 2), asking.catch(() => {})]);
        await first.release();
        const hold = await asking;
        return async () => {
          assert.ok(hold.fencingToken > first.fencingToken);
          await isHeldOnce(stage, hold);
          await hold.release();
        };
      };
    },
  };
}

/** Asks for what somebody else holds, and goes away without it. */
function inVain(title: string, ask: (stage: Stage) => Promise<void>): Operation {
  return {
    title,
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      return async () => {
        await ask(stage);
        return async () => {
          // What could not be told to etcd in time goes on in the background.
          await stands(stage, 1);
          await isHeldOnce(stage, first);
          await first.release();
        };
      };
    },
  };
}

async function givesUp(asking: Promise<unknown>): Promise<void> {
  const reason = await asking.catch((error: unknown) => error);
  if (!(reason instanceof AlreadyLockedError)) throw reason;
}

/** All that takes a lock, or several, or goes away without. */
export const takings: readonly Operation[] = [
  taking("tryAcquire", async ({ locks, name }) => (await locks.tryAcquire(name)) as Hold),
  taking("acquire", acquireIt),
  taking("acquire of several", (stage) => stage.locks.acquire(several(stage))),
  taking("tryAcquire of several", async (stage) => {
    return (await stage.locks.tryAcquire(several(stage))) as Hold;
  }),
  taking("acquire with lingerMs", ({ locks, name }) => locks.acquire(name, { lingerMs: 2_000 })),
  waiting("acquire that waits", acquireIt),
  waiting("acquire of several that waits", (stage) => stage.locks.acquire(several(stage))),
  inVain("tryAcquire in vain", async ({ locks, name }) => {
    assert.equal(await locks.tryAcquire(name), undefined);
  }),
  inVain("tryAcquire of several in vain", async (stage) => {
    assert.equal(await stage.locks.tryAcquire(several(stage).toReversed()), undefined);
    await isFree(stage, several(stage).slice(1));
  }),
  inVain("acquire that gives up", ({ locks, name }) => givesUp(locks.acquire(name, { waitMs: 1 }))),
  inVain("acquire of several that gives up", (stage) =>
    givesUp(stage.locks.acquire(several(stage).toReversed(), { waitMs: 1 })),
  ),
  {
    title: "run",
    isFinal: true,
    prepare: async (stage) => {
      const tokens: bigint[] = [];
      return async () => {
        const result = await stage.locks.run(stage.name, async (hold) => {
          tokens.push(hold.fencingToken);
          await isHeldOnce(stage, hold);
          return "done";
        });
        return async () => {
          assert.equal(result, "done");
          assert.equal(tokens.length, 1);
          await isFree(stage);
        };
      };
    },
  },
];
