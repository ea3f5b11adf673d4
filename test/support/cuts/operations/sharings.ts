import type { WriteHold } from "../../../../src/index.ts";
import { holding, isHeldOnce, type Operation, type Taking, taking } from "../stage.ts";

const write: Taking<WriteHold> = ({ locks, name }) => locks.rwLock(name).write.acquire();

/** What some hold together: permits, and locks for readers and writers. */
export const sharings: readonly Operation[] = [
  taking("permits", ({ locks, name }) => locks.semaphore(name, 3).acquire({ permits: 2 })),
  taking("read", ({ locks, name }) => locks.rwLock(name).read.acquire()),
  taking("write", write),
  holding("downgrade", write, async (stage, hold) => {
    await hold.downgrade();
    return async () => {
      await isHeldOnce(stage, hold);
      const reader = await stage.others.rwLock(stage.name).read.acquire({ waitMs: 0 });
      await Promise.all([reader.release(), hold.release()]);
    };
  }),
];
