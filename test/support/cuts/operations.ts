import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { queuePrefix } from "../../../src/core/keys.ts";
import { AlreadyLockedError, StoreUnavailableError } from "../../../src/errors.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import type { Hold, Leadership } from "../../../src/index.ts";
import type { Locks } from "../../../src/locks.ts";
import { entriesBelow, putKey, textsOf } from "../keys.ts";

/** What an operation is tried on. */
export interface Stage {
  /** A client whose connections may be cut. */
  readonly locks: Locks;
  /** Another one, whose are not. */
  readonly others: Locks;
  /** The store itself. */
  readonly etcd: Etcd;
  /** A name that nobody has used before. */
  readonly name: string;
}

/** Something that is asked of etcd, and must come to one effect wherever its exchange breaks off. */
export interface Operation {
  readonly title: string;
  /**
   * Prepares the stage, and returns the operation itself; that returns what checks its outcome, and
   * lets go of what it took.
   */
  prepare(stage: Stage): Promise<() => Promise<() => Promise<unknown>>>;
}

type Taking = (stage: Stage) => Promise<Hold>;
type Holding = (stage: Stage, hold: Hold) => Promise<() => Promise<unknown>>;

/** Takes a free lock. */
function taking(title: string, take: Taking): Operation {
  return {
    title,
    prepare: async (stage) => async () => {
      const hold = await take(stage);
      return async () => {
        await isHeldOnce(stage, hold);
        await hold.release();
      };
    },
  };
}

/** Does something with a lock that is held. */
function holding(title: string, change: Holding, take: Taking = acquireIt): Operation {
  return {
    title,
    prepare: async (stage) => {
      const hold = await take(stage);
      return () => change(stage, hold);
    },
  };
}

const acquireIt: Taking = ({ locks, name }) => locks.acquire(name);
const nothingMore = async (): Promise<void> => {};

/** Who held is in their queues, each once, under the token that it says, and believes so. */
async function isHeldOnce({ etcd, locks }: Stage, hold: Hold): Promise<void> {
  for (const [index, name] of hold.names.entries()) {
    const entries = await entriesBelow(etcd, queuePrefix(locks.namespace, name));
    const own = entries.filter(({ lease }) => lease === hold.lease);
    assert.deepEqual(textsOf(own), [hold.keys[index]]);
    assert.equal(own[0]?.createRevision, hold.fencingToken);
    assert.deepEqual(
      entries.filter(({ createRevision }) => createRevision !== hold.fencingToken),
      [],
    );
  }
  assert.equal(hold.held, true);
}

async function stands({ etcd, locks, name }: Stage, count: number): Promise<void> {
  const prefix = queuePrefix(locks.namespace, name);
  while ((await entriesBelow(etcd, prefix)).length !== count) await sleep(2);
}

/** How often a key was written since it came to be; 0 if it is not there. */
async function versionOf({ etcd }: Stage, key: string): Promise<bigint> {
  const { responses } = await etcd.txn({
    success: [{ op: "range", request: { key: Buffer.from(key) } }],
  });
  return responses[0]?.op === "range" ? (responses[0].response.kvs[0]?.version ?? 0n) : 0n;
}

const data = ({ name }: Stage): string => `data/${name}`;

/** All that changes something in etcd. */
export const operations: readonly Operation[] = [
  taking("tryAcquire", async ({ locks, name }) => (await locks.tryAcquire(name)) as Hold),
  taking("acquire", acquireIt),
  taking("acquire of several", ({ locks, name }) =>
    locks.acquire([name, `${name}/b`, `${name}/c`]),
  ),
  taking("tryAcquire of several", async ({ locks, name }) => {
    return (await locks.tryAcquire([name, `${name}/b`])) as Hold;
  }),
  taking("acquire with lingerMs", ({ locks, name }) => locks.acquire(name, { lingerMs: 2_000 })),
  taking("semaphore", ({ locks, name }) => locks.semaphore(name, 3).acquire({ permits: 2 })),
  taking("read", ({ locks, name }) => locks.rwLock(name).read.acquire()),
  taking("write", ({ locks, name }) => locks.rwLock(name).write.acquire()),
  taking("campaign", ({ locks, name }) => locks.election(name).campaign("me")),
  {
    title: "acquire that waits",
    prepare: async (stage) => {
      const { locks, others, name } = stage;
      const first = await others.acquire(name);
      return async () => {
        const asking = locks.acquire(name);
        await stands(stage, 2);
        await first.release();
        const hold = await asking;
        return async () => {
          assert.ok(hold.fencingToken > first.fencingToken);
          await isHeldOnce(stage, hold);
          await hold.release();
        };
      };
    },
  },
  {
    title: "tryAcquire in vain",
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      return async () => {
        const hold = await stage.locks.tryAcquire(stage.name);
        return async () => {
          assert.equal(hold, undefined);
          await stands(stage, 1);
          await first.release();
        };
      };
    },
  },
  {
    title: "acquire that gives up",
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      return async () => {
        const reason = await stage.locks
          .acquire(stage.name, { waitMs: 1 })
          .catch((error: unknown) => error);
        return async () => {
          assert.ok(reason instanceof AlreadyLockedError, String(reason));
          // What could not be told to etcd in time goes on in the background.
          await stands(stage, 1);
          await first.release();
        };
      };
    },
  },
  holding("release", async (_, hold) => {
    await hold.release();
    return nothingMore;
  }),
  holding(
    "release of several",
    async (_, hold) => {
      await hold.release();
      return nothingMore;
    },
    ({ locks, name }) => locks.acquire([name, `${name}/b`, `${name}/c`]),
  ),
  holding("put", async (stage, hold) => {
    await hold.put(data(stage), "1");
    return async () => {
      // Asked again it comes to the same, which is why it may be.
      const version = await versionOf(stage, data(stage));
      assert.ok(version === 1n || version === 2n, String(version));
      await hold.delete(data(stage));
      await hold.release();
    };
  }),
  {
    title: "delete",
    prepare: async (stage) => {
      const hold = await stage.locks.acquire(stage.name);
      await putKey(stage.etcd, data(stage));
      return async () => {
        await hold.delete(data(stage));
        return async () => {
          assert.equal(await versionOf(stage, data(stage)), 0n);
          // One that is late must not hit what is put behind it.
          await hold.put(data(stage), "2");
          assert.notEqual(await versionOf(stage, data(stage)), 0n);
          await hold.delete(data(stage));
          await hold.release();
        };
      };
    },
  },
  holding("txn that must not be repeated", async (stage, hold) => {
    const key = data(stage);
    const outcome = await hold
      .txn({
        compare: [{ key, target: "version", result: "less", operand: 9n }],
        success: [{ op: "put", request: { key, value: "1", prevKv: true } }],
      })
      .catch((error: unknown) => error);
    return async () => {
      // What is asked next makes void what may still be under way.
      await hold.put(`${key}/next`, "");
      const version = await versionOf(stage, key);
      const isKnown = !(outcome instanceof Error);
      if (isKnown) assert.equal(version, 1n);
      else assert.ok(outcome instanceof StoreUnavailableError && version <= 1n, String(outcome));
      await hold.delete(key);
      await hold.delete(`${key}/next`);
      await hold.release();
    };
  }),
  holding(
    "proclaim",
    async (stage, hold) => {
      await (hold as Leadership).proclaim("news");
      return async () => {
        assert.equal((await stage.others.election(stage.name).leader())?.value, "news");
        await isHeldOnce(stage, hold);
        await hold.release();
      };
    },
    ({ locks, name }) => locks.election(name).campaign("me"),
  ),
  holding(
    "downgrade",
    async (stage, hold) => {
      await (hold as Awaited<ReturnType<typeof downgradable>>).downgrade();
      return async () => {
        await isHeldOnce(stage, hold);
        const reader = await stage.others.rwLock(stage.name).read.acquire({ waitMs: 0 });
        await Promise.all([reader.release(), hold.release()]);
      };
    },
    (stage) => downgradable(stage),
  ),
  holding("detach", async (stage, hold) => {
    const ticket = await hold.detach();
    return async () => {
      const attached = await stage.others.attach(ticket);
      assert.equal(attached.fencingToken, hold.fencingToken);
      await isHeldOnce(stage, attached);
      await attached.release();
    };
  }),
  {
    title: "attach",
    prepare: async (stage) => {
      const first = await stage.others.acquire(stage.name);
      const ticket = await first.detach();
      return async () => {
        const hold = await stage.locks.attach(ticket);
        return async () => {
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
        await locks.forceRelease(name, { reason: "a cut", graceMs: 0 });
        const next = await asking;
        return async () => {
          assert.equal(first.held, false);
          await isHeldOnce(stage, next);
          await next.release();
        };
      };
    },
  },
  {
    title: "latch",
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
    title: "barrier",
    prepare:
      async ({ locks, name }) =>
      async () => {
        const barrier = locks.barrier(name, 1);
        await barrier.enter();
        await barrier.leave();
        return nothingMore;
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
];

function downgradable({ locks, name }: Stage) {
  return locks.rwLock(name).write.acquire();
}
