import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WouldDeadlockError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

const wouldDeadlock = { code: "WOULD_DEADLOCK", key: "jobs" };

describe("a chain of calls", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const holders: Record<string, (work: () => Promise<unknown>) => Promise<unknown>> = {
    mutex: (work) => one.run("jobs", work),
    "several names": (work) => one.run(["other", "jobs"], work),
    reader: (work) => one.rwLock("jobs").read.run(work),
    writer: (work) => one.rwLock("jobs").write.run(work),
    semaphore: (work) => one.semaphore("jobs", 2).run(work),
    once: (work) => one.once("jobs", { everyMs: 1_000 }, work),
    "Web Lock": (work) => one.request("jobs", work),
    leader: (work) => {
      const controller = new AbortController();
      const { signal } = controller;
      return one.election("jobs").lead("me", { signal }, async () => {
        try {
          await work();
        } finally {
          controller.abort();
        }
      });
    },
  };
  const askers: Record<string, (locks: Locks) => Promise<unknown>> = {
    acquire: (locks) => locks.acquire("jobs"),
    "acquire without a wait": (locks) => locks.acquire("jobs", { waitMs: 0 }),
    "acquire of several": (locks) => locks.acquire(["free", "jobs"]),
    run: (locks) => locks.run("jobs", () => {}),
    "mutex.run": (locks) => locks.mutex("jobs").run(() => {}),
    "read.acquire": (locks) => locks.rwLock("jobs").read.acquire(),
    "write.run": (locks) => locks.rwLock("jobs").write.run(() => {}),
    "semaphore.acquire": (locks) => locks.semaphore("jobs", 2).acquire({ permits: 2 }),
    campaign: (locks) => locks.election("jobs").campaign("me"),
    request: (locks) => locks.request("jobs", () => {}),
  };
  for (const [holder, hold] of Object.entries(holders)) {
    it(`of a ${holder} is told at once that it would wait for itself, however it asks`, async () => {
      await hold(async () => {
        for (const ask of Object.values(askers)) {
          bench.etcd.forget();
          await expect(ask(one)).rejects.toBeInstanceOf(WouldDeadlockError);
          await expect(ask(two)).rejects.toMatchObject(wouldDeadlock);
          expect(bench.etcd.calls.txn).toBe(0);
        }
      });
      await bench.clock.advance(1_000);
    });
  }

  it("goes through awaits, timers and whatever runs at the same time", async () => {
    await one.run("jobs", async () => {
      await settle();
      const asking = Promise.all([
        settle().then(() => one.acquire("jobs")),
        one.run("other", () => one.run("jobs", () => {})),
        new Promise((resolve, reject) => {
          setTimeout(() => one.acquire("jobs").then(resolve, reject), 1);
        }),
      ]);
      await expect(asking).rejects.toMatchObject(wouldDeadlock);
    });
    await settle();
  });

  it("each is found in the chain, not only the innermost", async () => {
    await one.run("jobs", () =>
      one.run("other", () =>
        one.run("third", async () => {
          await expect(one.acquire("jobs")).rejects.toMatchObject(wouldDeadlock);
          await expect(one.acquire("other")).rejects.toMatchObject({ key: "other" });
        }),
      ),
    );
  });

  it("does not matter to those who run beside it", async () => {
    let entered = false;
    const running = one.run("jobs", async () => {
      await bench.clock.advance(10);
    });
    const beside = one.run("jobs", () => {
      entered = true;
    });
    await Promise.all([running, beside]);
    expect(entered).toBe(true);
  });

  it("lets it ask again once it has released", async () => {
    await one.run("jobs", async (hold) => {
      await hold.release();
      await (await one.acquire("jobs")).release();
    });
  });

  it("lets it ask again once it has lost the lock", async () => {
    const running = one.run("jobs", async (hold) => {
      await deleteKey(bench.store, hold.key);
      await expect(hold.verify()).rejects.toMatchObject({ reason: "deleted" });
      await (await one.acquire("jobs")).release();
      return "worked";
    });
    await expect(running).rejects.toMatchObject({ reason: "deleted", result: "worked" });
  });

  it("lets it ask again once it has handed the lock over", async () => {
    await one.run("jobs", async (hold) => {
      await hold.detach();
      const asking = one.acquire("jobs");
      await bench.clock.advance(12_000);
      await (await asking).release();
    });
  });

  it("has tryAcquire resolve with nothing instead", async () => {
    await one.run("jobs", async () => {
      expect(await one.tryAcquire("jobs")).toBeUndefined();
      expect(await one.request("jobs", { ifAvailable: true }, (lock) => lock)).toBeNull();
    });
  });

  it("does not stand in its own way with permits that fit", async () => {
    const exports = one.semaphore("jobs", 3);
    await exports.run({ permits: 2 }, async () => {
      await exports.run(async () => {
        await expect(exports.acquire()).rejects.toMatchObject(wouldDeadlock);
      });
      await expect(exports.acquire({ permits: 2 })).rejects.toMatchObject(wouldDeadlock);
    });
  });

  it("is told the same when it asks by another number of permits", async () => {
    await one.semaphore("jobs", 3).run(async () => {
      await expect(one.semaphore("jobs", 5).acquire()).rejects.toMatchObject(wouldDeadlock);
    });
  });

  it("counts all the permits that it has together", async () => {
    const exports = one.semaphore("jobs", 3);
    await exports.run(() =>
      exports.run(async () => {
        await expect(exports.acquire({ permits: 2 })).rejects.toMatchObject(wouldDeadlock);
        await (await exports.acquire()).release();
      }),
    );
  });

  describe("that asks to join in", () => {
    const reentrant = true;

    it("gets the same key and token, without asking etcd", async () => {
      await one.run("jobs", async (outer) => {
        bench.etcd.forget();
        const inner = await one.acquire("jobs", { reentrant });
        expect(inner).toMatchObject({ key: outer.key, fencingToken: outer.fencingToken });
        expect(await one.tryAcquire("jobs", { reentrant })).toMatchObject({ key: outer.key });
        expect(bench.etcd.calls.txn).toBe(0);
      });
      // What joined in has not released yet.
      expect(await bench.keys()).toHaveLength(1);
    });

    it("lets go only when all have released, whoever does first", async () => {
      for (const innerFirst of [true, false]) {
        await one.run("jobs", async (hold) => {
          const inner = await one.acquire("jobs", { reentrant });
          const [first, last] = innerFirst ? [inner, hold] : [hold, inner];
          await first.release();
          expect(first.held).toBe(false);
          expect(last.held).toBe(true);
          expect(await bench.keys()).toEqual([hold.key]);
          await last.verify();
          await last.release();
          expect(await bench.keys()).toEqual([]);
        });
      }
    });

    it("can join again, and more than once", async () => {
      await one.run("jobs", (a) =>
        one.run("jobs", { reentrant }, (b) =>
          one.run("jobs", { reentrant }, (c) => {
            expect([b.key, c.key]).toEqual([a.key, a.key]);
          }),
        ),
      );
      expect(await bench.keys()).toEqual([]);
    });

    it("joins in with one of several names, but not with one more", async () => {
      await one.run(["a", "b"], async (outer) => {
        await one.run("b", { reentrant }, (hold) => expect(hold.key).toBe(outer.key));
        await one.run(["b", "a"], { reentrant }, (hold) => expect(hold.key).toBe(outer.key));
        await expect(one.acquire(["a", "c"], { reentrant })).rejects.toMatchObject({ key: "a" });
      });
    });

    it("takes the lock as everybody else when it does not hold it", async () => {
      await one.run("jobs", { reentrant }, async (hold) => expect(hold.held).toBe(true));
      await one.run("jobs", async () => {
        await one.run("other", { reentrant }, (hold) => expect(hold.name).toBe("other"));
      });
    });

    it("reads within what it writes, but does not write within what it reads", async () => {
      const { read, write } = one.rwLock("jobs");
      await write.run(async (outer) => {
        await read.run({ reentrant }, (inner) => expect(inner.key).toBe(outer.key));
        await write.run({ reentrant }, (inner) => expect(inner.key).toBe(outer.key));
      });
      await read.run(async (outer) => {
        await read.run({ reentrant }, (inner) => expect(inner.key).toBe(outer.key));
        await expect(write.acquire({ reentrant })).rejects.toMatchObject(wouldDeadlock);
        await expect(one.acquire("jobs", { reentrant })).rejects.toMatchObject(wouldDeadlock);
      });
    });

    it("joins in with as many permits as it has, but not with more", async () => {
      const exports = one.semaphore("jobs", 3);
      await exports.run({ permits: 2 }, async (outer) => {
        await exports.run({ permits: 2, reentrant }, (hold) => expect(hold.key).toBe(outer.key));
        await expect(exports.acquire({ permits: 3, reentrant })).rejects.toMatchObject(
          wouldDeadlock,
        );
        await expect(one.acquire("jobs", { reentrant })).rejects.toMatchObject(wouldDeadlock);
      });
    });

    it("loses the lock together with the one that it joined", async () => {
      const running = one.run("jobs", async (outer) => {
        const inner = await one.acquire("jobs", { reentrant });
        await deleteKey(bench.store, outer.key);
        await expect(outer.verify()).rejects.toMatchObject({ reason: "deleted" });
        expect(inner.held).toBe(false);
        await expect(inner.release()).rejects.toMatchObject({ reason: "deleted" });
        return "worked";
      });
      await expect(running).rejects.toMatchObject({ reason: "deleted", result: "worked" });
    });

    it("loses the lock when the other one hands it over", async () => {
      let ticket = "";
      const running = one.run("jobs", async (outer) => {
        const inner = await one.acquire("jobs", { reentrant });
        ticket = await inner.detach();
        expect(outer.held).toBe(false);
        expect(outer.signal.reason).toMatchObject({ reason: "detached" });
        await expect(outer.put("written", "x")).rejects.toMatchObject({ reason: "detached" });
        return "worked";
      });
      await expect(running).rejects.toMatchObject({ reason: "detached", result: "worked" });
      await (await two.attach(ticket)).release();
    });

    it("keeps the key until its grace is over, though the one that joined in has released", async () => {
      const running = one.run("jobs", async (outer) => {
        await one
          .run("jobs", { reentrant }, async () => {
            void two.forceRelease("jobs", { reason: "test", graceMs: 5_000 });
            await settle();
            expect(outer.held).toBe(false);
          })
          .catch(() => {});
        await settle();
        expect(await bench.keys()).toEqual([outer.key]);
        await bench.clock.advance(4_900);
        expect(await bench.keys()).toEqual([outer.key]);
        return "worked";
      });
      await expect(running).rejects.toMatchObject({ reason: "revoked", result: "worked" });
      await settle();
      expect(await bench.keys()).toEqual([]);
    });
  });
});
