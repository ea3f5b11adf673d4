import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import type { AcquireOptions } from "../../src/core/lock.ts";
import { InvalidOptionError, LockLostError, StoreUnavailableError } from "../../src/errors.ts";
import type { TxnRequest } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { FaultyEtcd } from "../support/faulty-etcd.ts";
import { deleteKey, entriesBelow, putKey, textsOf } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

const lingerMs = 5_000;

/** What is asked for with `lingerMs`, and who waits for it, by the kind of lock. */
type Acquire = (locks: Locks, options?: AcquireOptions) => Promise<Hold>;
const mutex: Acquire = (locks, options) => locks.acquire("jobs", options);
const several: Acquire = (locks, options) => locks.acquire(["jobs", "other"], options);
const writer: Acquire = (locks, options) => locks.rwLock("jobs").write.acquire(options);
const reader: Acquire = (locks, options) => locks.rwLock("jobs").read.acquire(options);
const twoPermits: Acquire = (locks, options) =>
  locks.semaphore("jobs", 2).acquire({ ...options, permits: 2 });
const pairs: readonly (readonly [string, Acquire, Acquire])[] = [
  ["mutex behind a mutex", mutex, mutex],
  ["mutex behind several names", several, mutex],
  ["hold of several names behind a mutex", mutex, several],
  ["reader behind a writer", writer, reader],
  ["writer behind a writer", writer, writer],
  ["writer behind a reader", reader, writer],
  ["mutex behind a reader", reader, mutex],
  ["semaphore behind a semaphore", twoPermits, twoPermits],
  ["semaphore behind a mutex", mutex, twoPermits],
];

describe("lingerMs", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    for (const name of ["txn", "leaseGrant", "leaseKeepAlive", "leaseRevoke", "watch"] as const) {
      bench.etcd.override(name, undefined);
    }
    // What lingers ends by itself, after the clients.
    await bench.leftovers();
    await bench.clock.advance(60_000);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const leaseOf = async (key: string): Promise<bigint> =>
    (await entriesBelow(bench.store, key))[0]?.lease ?? 0n;
  const companions = async (): Promise<string[]> =>
    (await bench.keys()).filter((key) => key.includes("kept-"));

  /** Lets a waiter in, and tells when it is. */
  function entrance(acquiring: Promise<Hold>): { in: boolean; hold: Promise<Hold> } {
    const state = { in: false, hold: acquiring };
    void acquiring.then(
      () => {
        state.in = true;
      },
      () => {},
    );
    return state;
  }

  describe.each(pairs)("a %s", (_, holds, waits) => {
    it.each(["the same client", "another client"])(
      "in %s is not let in by the deletion of the key before the release",
      async (where) => {
        const hold = await holds(one, { lingerMs });
        await bench.clock.advance(30);
        const waiter = entrance(waits(where === "another client" ? two : one));
        await settle();
        for (const key of hold.keys) await deleteKey(bench.store, key);
        await bench.clock.advance(4_000);
        expect(hold.held).toBe(false);
        expect(waiter.in).toBe(false);

        await expect(hold.release()).rejects.toMatchObject({ reason: "deleted" });
        await settle();
        expect(waiter.in).toBe(true);
        await (await waiter.hold).release();
        expect(await bench.keys()).toEqual([]);
      },
    );

    it("is let in by the release at once, in this process and in another one", async () => {
      for (const who of [one, two]) {
        const hold = await holds(one, { lingerMs });
        const waiter = entrance(waits(who, { lingerMs }));
        await settle();
        bench.etcd.forget();
        await hold.release();
        await settle();

        expect(waiter.in).toBe(true);
        if (who === one && hold.keys.length === 1) expect(bench.etcd.calls.txn).toBe(1);
        await (await waiter.hold).release();
        expect(await bench.keys()).toEqual([]);
      }
    });
  });

  it("takes one round trip more to get in, and none more to let go", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    expect(bench.etcd.calls).toMatchObject({ txn: 1, leaseGrant: 1, leaseRevoke: 0, watch: 0 });
    bench.etcd.forget();
    await hold.release();
    expect(bench.etcd.calls).toMatchObject({ txn: 1, leaseGrant: 0, leaseRevoke: 1 });
    expect(bench.store.leaseCount).toBe(2);
  });

  it("puts a companion at the very revision of the entry, on a lease of its own", async () => {
    const hold = await one.acquire("jobs", { lingerMs, reason: "invoices" });
    const entries = await entriesBelow(bench.store, "microlock/jobs/");
    expect(entries.map(({ createRevision }) => createRevision)).toEqual([
      hold.fencingToken,
      hold.fencingToken,
    ]);
    expect(entries[0]?.lease).toBe(hold.lease);
    expect(entries[1]?.lease).not.toBe(hold.lease);
    // Nine seconds, and five.
    const { grantedTtl } = await bench.store.leaseTimeToLive({ id: entries[1]?.lease ?? 0n });
    expect(grantedTtl).toBe(14n);
    await hold.release();
  });

  it("keeps others out until the release when the session's lease is revoked", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    await bench.clock.advance(30);
    const waiter = entrance(two.acquire("jobs"));
    await settle();
    await bench.store.leaseRevoke(hold.lease);
    await bench.clock.advance(4_900);
    expect(hold.held).toBe(false);
    expect(waiter.in).toBe(false);

    await expect(hold.release()).rejects.toMatchObject({ reason: "revoked" });
    await settle();
    expect(waiter.in).toBe(true);
    await (await waiter.hold).release();
  });

  it("keeps this client out as well, in its next session", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    await bench.clock.advance(30);
    await bench.store.leaseRevoke(hold.lease);
    await settle();
    const waiter = entrance(one.acquire("jobs"));
    await bench.clock.advance(4_900);
    expect(waiter.in).toBe(false);
    await hold.release().catch(() => {});
    await settle();
    expect(waiter.in).toBe(true);
    await (await waiter.hold).release();
  });

  it("lets others in when it is over, though nobody ever releases", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    await bench.clock.advance(30);
    const waiter = entrance(two.acquire("jobs"));
    await settle();
    await deleteKey(bench.store, hold.key);
    await bench.clock.advance(lingerMs);
    expect(waiter.in).toBe(false);
    // What was left of the TTL, and etcd counts in seconds.
    await bench.clock.advance(9_500);
    expect(waiter.in).toBe(true);
    await (await waiter.hold).release();
  });

  it.each([0, 400, 2_000])(
    "keeps others out after a forced release with a grace of %i ms, until the release",
    async (graceMs) => {
      const hold = await one.acquire("jobs", { lingerMs });
      const waiter = entrance(two.acquire("jobs"));
      await settle();
      const forcing = two.forceRelease("jobs", { reason: "deployment", graceMs });
      await bench.clock.advance(graceMs + 10);
      expect(await forcing).toMatchObject([{ key: hold.key }]);
      expect(hold.held).toBe(false);
      expect(await companions()).toHaveLength(1);
      await bench.clock.advance(1_000);
      expect(waiter.in).toBe(false);

      await expect(hold.release()).rejects.toMatchObject({ reason: "revoked" });
      await settle();
      expect(waiter.in).toBe(true);
      await (await waiter.hold).release();
    },
  );

  it("keeps others out for that long after a hold that expired, from its end on", async () => {
    for (const option of [{ lingerMs }, { lingerMs: 1 }, { lingerMs: 700 }]) {
      const dying = await bench.client({ nodeId: "dying" });
      const hold = await dying.acquire("jobs", option);
      const waiter = entrance(two.acquire("jobs"));
      await bench.clock.advance(10_000);
      const lease = await leaseOf((await companions())[0] ?? "");
      bench.etcd.override("leaseKeepAlive", (id, options) =>
        id === hold.lease || id === lease
          ? new Promise(() => {})
          : bench.store.leaseKeepAlive(id, options),
      );
      let heldUntil = 0;
      while (!waiter.in) {
        if (hold.held) heldUntil = bench.clock.now();
        await bench.clock.advance(10);
      }
      expect(hold.signal.reason).toMatchObject({ reason: "expired" });
      expect(bench.clock.now() - heldUntil).toBeGreaterThanOrEqual(option.lingerMs);
      bench.etcd.override("leaseKeepAlive", undefined);
      await (await waiter.hold).release();
      await hold.release().catch(() => {});
    }
  });

  it("ends the hold in time when its own lease alone is not renewed", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    const waiter = entrance(two.acquire("jobs"));
    const [companion = ""] = await companions();
    const lease = await leaseOf(companion);
    bench.etcd.override("leaseKeepAlive", (id, options) =>
      id === lease ? new Promise(() => {}) : bench.store.leaseKeepAlive(id, options),
    );
    let isTold = false;
    hold.signal.addEventListener("abort", () => {
      isTold = true;
    });
    await bench.clock.advance(8_800);
    expect(hold.held).toBe(true);
    expect(hold.remainingMs).toBeLessThan(200);
    await bench.clock.advance(200);
    expect(isTold).toBe(true);
    expect(hold.signal.reason).toMatchObject({ reason: "expired" });
    // Of what is left of it, five seconds are to come.
    expect(await companions()).toEqual([companion]);
    expect(waiter.in).toBe(false);
    await expect(hold.release()).rejects.toThrow(LockLostError);
    await settle();
    expect(waiter.in).toBe(true);
    await (await waiter.hold).release();
  });

  it("is lost in the first line that runs after the process was stopped, by its own lease", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    const [companion = ""] = await companions();
    const lease = await leaseOf(companion);
    bench.etcd.override("leaseKeepAlive", (id, options) =>
      id === lease ? new Promise(() => {}) : bench.store.leaseKeepAlive(id, options),
    );
    await bench.clock.advance(8_800);
    bench.clock.jump(200);
    expect(hold.held).toBe(false);
    await hold.release().catch(() => {});
  });

  it("takes no answer for its lease of a leader that the session's knows to be over", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    const { lease } = hold;
    bench.etcd.override("leaseKeepAlive", async (id, options) => {
      const answer = await bench.store.leaseKeepAlive(id, options);
      const { header } = answer;
      if (id !== lease) return answer;
      return { ...answer, header: { ...header, raftTerm: header.raftTerm + 1n } };
    });
    // Nor is there a fresh lease to move to.
    bench.etcd.override("leaseGrant", async () => {
      throw new StoreUnavailableError("no answer", { status: "UNAVAILABLE" });
    });
    await bench.clock.advance(9_000);
    expect(hold.held).toBe(false);
    await hold.release().catch(() => {});
  });

  it("is lost in the first line that runs after the process was stopped", async () => {
    const hold = await one.acquire("jobs", { lingerMs });
    const [companion = ""] = await companions();
    bench.clock.jump(9_000);
    expect(hold.held).toBe(false);
    expect(hold.remainingMs).toBe(0);
    expect(hold.signal.reason).toMatchObject({ reason: "stalled" });
    // It is counted by a clock that stood still meanwhile, so it stands there still.
    expect(await companions()).toEqual([companion]);
    await hold.release().catch(() => {});
  });

  it.each(["deleted", "on a lease that was revoked", "overwritten"])(
    "ends the hold when its companion is %s, and lets nobody in before the release",
    async (how) => {
      const hold = await one.acquire("jobs", { lingerMs });
      await bench.clock.advance(30);
      const waiter = entrance(two.acquire("jobs"));
      const [companion = ""] = await companions();
      if (how === "deleted") await deleteKey(bench.store, companion);
      else if (how === "overwritten") await putKey(bench.store, companion);
      else await bench.store.leaseRevoke(await leaseOf(companion));
      await bench.clock.advance(10);
      const reason = how === "overwritten" ? "overwritten" : "deleted";
      expect(hold.signal.reason).toMatchObject({ reason });
      expect(waiter.in).toBe(false);

      await expect(hold.release()).rejects.toMatchObject({ reason });
      if (how === "overwritten") await deleteKey(bench.store, companion);
      await settle();
      expect(waiter.in).toBe(true);
      await (await waiter.hold).release();
    },
  );

  it("finds out that its companion has gone when the watch missed it", async () => {
    let connected = true;
    const cuts: (() => void)[] = [];
    bench.etcd.override("watch", (request, observer) => {
      if (!connected) queueMicrotask(() => observer.onEnd(new StoreUnavailableError("cut")));
      if (!connected) return { close() {} };
      const watch = bench.store.watch(request, observer);
      cuts.push(() => {
        watch.close();
        observer.onEnd(new StoreUnavailableError("cut"));
      });
      return watch;
    });
    const hold = await one.acquire("jobs", { lingerMs });
    await bench.clock.advance(30);
    const [companion = ""] = await companions();
    connected = false;
    for (const cut of cuts.splice(0)) cut();
    await settle();
    await deleteKey(bench.store, companion);
    await bench.store.compact((await bench.store.txn({})).header.revision);
    connected = true;
    await bench.clock.advance(3_000);

    expect(hold.held).toBe(false);
    await hold.release().catch(() => {});
  });

  it("is renewed for as long as the hold lasts, and while it waits for its turn", async () => {
    const first = await two.acquire("jobs");
    const waiter = entrance(one.acquire("jobs", { lingerMs }));
    await bench.clock.advance(100_000);
    await first.release();
    await settle();
    const hold = await waiter.hold;
    await bench.clock.advance(100_000);

    expect(hold.held).toBe(true);
    expect(hold.remainingMs).toBeGreaterThan(5_000);
    await hold.release();
    expect(await bench.keys()).toEqual([]);
  });

  it("takes no further permits", async () => {
    const semaphore = (locks: Locks) => locks.semaphore("jobs", 3);
    const holds: Hold[] = [];
    for (const locks of [one, two, one]) {
      holds.push(await semaphore(locks).acquire({ lingerMs, waitMs: 0 }));
    }
    expect(await semaphore(two).tryAcquire({ lingerMs })).toBeUndefined();
    const waiters = [one, two, two].map((locks) =>
      entrance(semaphore(locks).acquire({ lingerMs })),
    );
    await bench.clock.advance(30);
    await deleteKey(bench.store, holds[0]?.key ?? "");
    await bench.clock.advance(1_000);
    expect(waiters.map((waiter) => waiter.in)).toEqual([false, false, false]);
    await holds[1]?.release();
    await settle();
    expect(waiters.map((waiter) => waiter.in)).toEqual([true, false, false]);
    await holds[0]?.release().catch(() => {});
    await settle();
    expect(waiters.map((waiter) => waiter.in)).toEqual([true, true, false]);
    await holds[2]?.release();
    for (const waiter of waiters) await (await waiter.hold).release();
    expect(await bench.keys()).toEqual([]);
  });

  it("keeps no other reader out, neither of a reader nor of a writer that became one", async () => {
    const first = await one.rwLock("jobs").read.acquire({ lingerMs });
    await (await two.rwLock("jobs").read.acquire({ waitMs: 0 })).release();
    await first.release();
    for (const who of [one, two]) {
      const hold = await one.rwLock("jobs").write.acquire({ lingerMs });
      const waiter = entrance(who.rwLock("jobs").read.acquire());
      const late = entrance(who.rwLock("jobs").write.acquire());
      await settle();
      await hold.downgrade();
      await settle();
      expect([waiter.in, late.in]).toEqual([true, false]);
      await bench.clock.advance(30);
      await (await waiter.hold).release();
      await deleteKey(bench.store, hold.key);
      await bench.clock.advance(100);
      expect(late.in).toBe(false);
      await hold.release().catch(() => {});
      await settle();
      await (await late.hold).release();
    }
  });

  describe("leaves nothing", () => {
    let holder: Hold;

    beforeEach(async () => {
      holder = await two.acquire("jobs", { lingerMs });
    });

    const left = async (): Promise<void> => {
      await settle();
      expect(await bench.keys()).toHaveLength(2);
      // Two sessions, and the companion of the one who holds.
      expect(bench.store.leaseCount).toBe(3);
      await holder.release();
      expect(await bench.keys()).toEqual([]);
      await settle();
      expect(bench.store.leaseCount).toBe(2);
    };

    it("when the time is up", async () => {
      const error = one.acquire("jobs", { lingerMs, waitMs: 100 }).catch((error) => error);
      await bench.clock.advance(100);
      expect(await error).toMatchObject({ code: "ALREADY_LOCKED", waiters: 0, position: 1 });
      await left();
    });

    it("when the time is up, though its lease cannot be ended", async () => {
      bench.etcd.override("leaseRevoke", async () => {
        throw new StoreUnavailableError("no answer");
      });
      const error = one.acquire("jobs", { lingerMs, waitMs: 100 }).catch((error) => error);
      await bench.clock.advance(100);
      expect(await error).toMatchObject({ code: "ALREADY_LOCKED" });
      expect(await bench.keys()).toHaveLength(2);
      bench.etcd.override("leaseRevoke", undefined);
      await bench.clock.advance(14_000);
      await left();
    });

    it("when its signal aborts, and its lease is granted only after that", async () => {
      let grant = (): void => {};
      bench.etcd.override("leaseGrant", async (request) => {
        await new Promise<void>((resolve) => {
          grant = resolve;
        });
        return bench.store.leaseGrant(request);
      });
      const controller = new AbortController();
      const acquiring = one.acquire("jobs", { lingerMs, signal: controller.signal });
      const failed = acquiring.catch((error) => error);
      await settle();
      controller.abort(new Error("enough"));
      expect(await failed).toMatchObject({ message: "enough" });
      await settle();
      grant();
      bench.etcd.override("leaseGrant", undefined);
      await settle();
      bench.etcd.forget();
      await bench.clock.advance(3_500);
      // Those of two sessions, and of the one who holds.
      expect(bench.etcd.calls.leaseKeepAlive).toBe(3);
      await left();
    });

    it("when it does not wait", async () => {
      expect(await one.tryAcquire("jobs", { lingerMs })).toBeUndefined();
      await expect(one.acquire("jobs", { lingerMs, waitMs: 0 })).rejects.toMatchObject({
        code: "ALREADY_LOCKED",
        waiters: 0,
      });
      await left();
    });

    it("when a signal aborts, at any time", async () => {
      for (let at = 1; at <= 3; at++) {
        const controller = new AbortController();
        let count = 0;
        const then = <T>(answer: T): T => {
          count += 1;
          if (count === at) controller.abort(new Error("enough"));
          return answer;
        };
        bench.etcd.override("leaseGrant", async (request, options) =>
          then(await bench.store.leaseGrant(request, options)),
        );
        bench.etcd.override("txn", async (request, options) =>
          then(await bench.store.txn(request, options)),
        );
        const acquiring = one.acquire("jobs", { lingerMs, signal: controller.signal });
        const failed = acquiring.catch((error) => error);
        await settle();
        controller.abort(new Error("enough"));
        expect(await failed).toMatchObject({ message: "enough" });
        await bench.clock.advance(1_000);
      }
      bench.etcd.override("txn", undefined);
      await left();
    });

    it("when others go by another number", async () => {
      const semaphore = await one.semaphore("permits", 2).acquire();
      for (const waitMs of [0, undefined]) {
        await expect(
          one.semaphore("permits", 3).acquire({ lingerMs, waitMs }),
        ).rejects.toMatchObject({ code: "DISAGREEMENT" });
      }
      await semaphore.release();
      await left();
    });

    it("when its session is lost while it waits", async () => {
      const waiting = one.acquire("jobs", { lingerMs }).catch((error) => error);
      await settle();
      const [key = ""] = (await bench.keys()).filter(
        (key) => !key.startsWith(holder.key) && !key.includes("kept-"),
      );
      await bench.store.leaseRevoke(await leaseOf(key));
      await bench.clock.advance(1_500);
      expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "revoked" });
      expect(await bench.keys()).toHaveLength(2);
      await holder.release();
    });

    it("when its companion is taken away while it waits", async () => {
      const waiting = one.acquire("jobs", { lingerMs }).catch((error) => error);
      await settle();
      const [, mine] = await entriesBelow(bench.store, "microlock/jobs/kept-");
      await bench.store.leaseRevoke(mine?.lease ?? 0n);
      await bench.clock.advance(10);
      expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "deleted" });
      await left();
    });

    it("when its client is closed while it waits", async () => {
      const other = await bench.client({ nodeId: "three" });
      const waiting = other.acquire("jobs", { lingerMs }).catch((error) => error);
      await settle();
      await other.close();
      expect(await waiting).toMatchObject({ code: "CLOSED" });
      await left();
    });

    it("when no lease is to be had for it", async () => {
      bench.etcd.override("leaseGrant", async (request, options) => {
        await bench.store.leaseGrant(request, options);
        throw new StoreUnavailableError("no answer");
      });
      for (const waitMs of [0, undefined]) {
        const failed = one.acquire("jobs", { lingerMs, waitMs }).catch((error) => error);
        await bench.clock.advance(5_000);
        expect(await failed).toMatchObject({ code: "STORE_UNAVAILABLE" });
      }
      await left();
    });

    it("when it is detached, and whoever attaches it lets go at once", async () => {
      const ticket = await holder.detach();
      await settle();
      expect(await bench.keys()).toHaveLength(1);
      const attached = await one.attach(ticket);
      await attached.release();
      expect(await bench.keys()).toEqual([]);
      await settle();
      expect(bench.store.leaseCount).toBe(2);
    });
  });

  it("asks for its lease again while etcd does not answer", async () => {
    bench.etcd.override("leaseGrant", async (request, options) => {
      bench.etcd.override("leaseGrant", undefined);
      await bench.store.leaseGrant(request, options);
      throw new StoreUnavailableError("no answer");
    });
    const acquiring = one.acquire("jobs", { lingerMs });
    await bench.clock.advance(100);
    await (await acquiring).release();
    await settle();
    expect(bench.store.leaseCount).toBe(2);
  });

  it("stands there once, whichever request or answer gets lost on the way", async () => {
    for (const how of ["lost request", "lost reply", "late request"] as const) {
      for (let at = 0; at < 5; at++) {
        for (const waitMs of [0, undefined]) {
          const faulty = new FaultyEtcd(bench.store);
          for (const name of ["txn", "leaseGrant", "leaseRevoke"] as const) {
            bench.etcd.override(name, faulty.port[name].bind(faulty.port) as never);
          }
          faulty.fail((index) => (index === at ? how : undefined));
          const using = one
            .acquire(["jobs", "other"], { lingerMs, waitMs })
            .then((hold) => hold.release());
          using.catch(() => {});
          await bench.clock.advance(2_000);
          await using;
          faulty.mend();
          await faulty.arrive();
          await bench.clock.advance(2_000);
          expect(await bench.keys()).toEqual([]);
          await (await two.acquire("jobs", { waitMs: 0 })).release();
          await settle();
        }
      }
    }
  });

  it("lets go in an orderly way when its client is being closed, and lingers if nobody does", async () => {
    const other = await bench.client({ nodeId: "three" });
    const running = other.run("jobs", { lingerMs }, async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const kept = await other.acquire("kept", { lingerMs });
    await settle();
    await other.close();
    await running.catch(() => {});
    await settle();
    expect(kept.held).toBe(false);
    expect(await bench.keys()).toEqual([expect.stringMatching(/^microlock\/kept\/kept-/)]);
    await bench.clock.advance(14_000);
    expect(await bench.keys()).toEqual([]);
  });

  it("goes once all who joined in have released", async () => {
    await one.run("jobs", { lingerMs }, async (outer) => {
      bench.etcd.forget();
      await one.run("jobs", { lingerMs, minHoldMs: 1_000, reentrant: true }, async (inner) => {
        expect(inner.fencingToken).toBe(outer.fencingToken);
      });
      expect(bench.etcd.calls).toMatchObject({ txn: 0, leaseGrant: 0 });
      expect(await bench.keys()).toHaveLength(2);
    });
    expect(await bench.keys()).toEqual([]);
  });

  it("stays when one of two who share a lost hold releases", async () => {
    let wasIn: boolean | undefined;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const running = one.run("jobs", { lingerMs }, async (outer) => {
      const inner = await one.acquire("jobs", { reentrant: true });
      await begun;
      await bench.clock.advance(30);
      await deleteKey(bench.store, outer.key);
      await bench.clock.advance(10);
      await inner.release().catch(() => {});
      await bench.clock.advance(100);
      wasIn = waiter.in;
    });
    await settle();
    const waiter = entrance(two.acquire("jobs"));
    await settle();
    begin();
    await expect(running).rejects.toMatchObject({ reason: "deleted" });
    await settle();
    expect([wasIn, waiter.in]).toEqual([false, true]);
    await (await waiter.hold).release();
  });

  describe("as others see it", () => {
    it("is no holder and no waiter of its own while its hold stands", async () => {
      const asks: readonly (readonly [string, Acquire])[] = [
        ["exclusive", (locks, options) => locks.acquire("jobs", options)],
        ["write", (locks, options) => locks.rwLock("jobs").write.acquire(options)],
        ["read", (locks, options) => locks.rwLock("jobs").read.acquire(options)],
        ["permits", (locks, options) => locks.semaphore("jobs", 1).acquire(options)],
      ];
      for (const [mode, acquire] of asks) {
        const hold = await acquire(one, { lingerMs });
        const positions: number[] = [];
        const waiting = (mode === "read" ? writer : acquire)(two, {
          lingerMs,
          onWait: (position) => positions.push(position),
        });
        await settle();
        const { holders, waiters } = await two.inspect("jobs");
        expect(holders.map((each) => [each.mode, each.key])).toEqual([[mode, hold.key]]);
        expect(waiters).toHaveLength(1);
        for await (const summary of two.list()) {
          expect(summary).toMatchObject({ holders: [{ key: hold.key }], waiters: 1 });
        }
        expect(await two.query()).toMatchObject({ held: [{}], pending: [{}] });
        expect(positions).toEqual([1]);
        const late = acquire(two, { waitMs: 100 }).catch((error) => error);
        await bench.clock.advance(100);
        expect(await late).toMatchObject({ waiters: 1, position: 2 });
        await hold.release();
        await (await waiting).release();
        expect(await bench.keys()).toEqual([]);
      }
    });

    it("is a holder of its own, and is waited for, once its hold has gone", async () => {
      const hold = await one.acquire("jobs", { lingerMs, reason: "invoices" });
      await bench.clock.advance(30);
      const waiting = two.acquire("jobs");
      await settle();
      await deleteKey(bench.store, hold.key);
      await bench.clock.advance(10);
      const { holders, waiters } = await two.inspect("jobs");

      expect(holders).toMatchObject([
        { mode: "kept", nodeId: "one", reason: "invoices", fencingToken: hold.fencingToken },
      ]);
      expect(waiters).toMatchObject([{ mode: "exclusive", nodeId: "two" }]);
      await hold.release().catch(() => {});
      await (await waiting).release();
    });

    it("gives no events, and nobody is said to hold while it lingers", async () => {
      const told: string[] = [];
      const watch = two.watch("jobs");
      void (async () => {
        for await (const { type, nodeId } of watch) told.push(`${nodeId} ${type}`);
      })();
      await watch.standing;
      const hold = await one.acquire("jobs", { lingerMs });
      await bench.clock.advance(30);
      const waiting = two.acquire("jobs", { lingerMs });
      await settle();
      await deleteKey(bench.store, hold.key);
      await bench.clock.advance(1_000);
      const before = ["one joined", "one acquired", "two joined", "one released"];
      expect(told).toEqual(before);
      await hold.release().catch(() => {});
      await settle();
      expect(told).toEqual([...before, "two acquired"]);
      await (await waiting).release();
      await settle();
      expect(told).toEqual([...before, "two acquired", "two released"]);
      await watch.return?.();
    });

    it("can be taken away as well once its hold has gone", async () => {
      const hold = await one.acquire("jobs", { lingerMs });
      await bench.clock.advance(30);
      const waiter = entrance(two.acquire("jobs"));
      await settle();
      await deleteKey(bench.store, hold.key);
      await bench.clock.advance(10);
      const forcing = two.forceRelease("jobs", { reason: "it hangs", graceMs: 500 });
      await bench.clock.advance(499);
      expect(waiter.in).toBe(false);
      await bench.clock.advance(1);
      expect(await forcing).toMatchObject([{ nodeId: "one" }]);
      await settle();
      expect(waiter.in).toBe(true);
      await (await waiter.hold).release();
      await hold.release().catch(() => {});
    });
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "5", null, true])(
    "can't be %j, nor can minHoldMs",
    async (wrong) => {
      bench.etcd.forget();
      for (const options of [{ lingerMs: wrong }, { minHoldMs: wrong }] as AcquireOptions[]) {
        await expect(one.acquire("jobs", options)).rejects.toThrow(InvalidOptionError);
        await expect(one.tryAcquire("jobs", options)).rejects.toThrow(InvalidOptionError);
      }
      expect(bench.etcd.calls).toMatchObject({ txn: 0, leaseGrant: 0 });
    },
  );

  it("asks for nothing more when it is 0", async () => {
    const requests: TxnRequest[] = [];
    bench.etcd.override("txn", (request, options) => {
      requests.push(request);
      return bench.store.txn(request, options);
    });
    const hold = await one.acquire("jobs", { lingerMs: 0, minHoldMs: 0 });
    await hold.release();
    expect(bench.etcd.calls).toMatchObject({ txn: 2, leaseGrant: 0 });
    expect(requests[0]?.success?.filter(({ op }) => op === "put")).toHaveLength(1);
    expect(requests[1]?.success).toHaveLength(1);
  });

  it("goes with 124 names", async () => {
    const names = Array.from({ length: 124 }, (_, index) => `n${index}`);
    const hold = await one.acquire(names, { lingerMs });
    expect(await bench.keys()).toHaveLength(248);
    const waiting = two.acquire(names, { lingerMs });
    await settle();
    await hold.release();
    await (await waiting).release();
    const tried = await one.tryAcquire(names, { lingerMs, minHoldMs: 1_000 });
    await tried?.release();
    await bench.clock.advance(1_000);
    expect(textsOf(await entriesBelow(bench.store, "microlock/n"))).toEqual([]);
  });
});

describe("minHoldMs", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    for (const name of ["txn", "leaseGrant", "leaseKeepAlive"] as const) {
      bench.etcd.override(name, undefined);
    }
    await bench.leftovers();
    await bench.clock.advance(60_000);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const minHoldMs = 5_500;

  it.each(["the same client", "another client"])(
    "keeps others out, in %s, for that long from the acquisition on",
    async (where) => {
      const first = await two.acquire("jobs");
      const acquiring = one.acquire("jobs", { minHoldMs });
      await bench.clock.advance(20_000);
      await first.release();
      await settle();
      const hold = await acquiring;
      let entered = false;
      const waiting = (where === "another client" ? two : one).acquire("jobs").then((hold) => {
        entered = true;
        return hold;
      });
      await bench.clock.advance(1_000);
      bench.etcd.forget();
      await hold.release();
      expect(bench.etcd.calls).toMatchObject({ leaseGrant: 1 });
      await bench.clock.advance(minHoldMs - 1_001);
      expect(entered).toBe(false);
      await bench.clock.advance(2);

      expect(entered).toBe(true);
      await (await waiting).release();
      expect(await bench.keys()).toEqual([]);
      await settle();
      expect(bench.store.leaseCount).toBe(2);
    },
  );

  it("asks for nothing more when that time is over", async () => {
    const hold = await one.acquire("jobs", { minHoldMs });
    await bench.clock.advance(minHoldMs);
    bench.etcd.forget();
    await hold.release();
    expect(bench.etcd.calls).toMatchObject({ txn: 1, leaseGrant: 0, leaseRevoke: 1 });
    expect(await bench.keys()).toEqual([]);
  });

  it("keeps others out though the client is closed, by what etcd counts", async () => {
    const other = await bench.client({ nodeId: "three" });
    await other.run("jobs", { minHoldMs }, () => {});
    await other.close();
    await bench.clock.advance(minHoldMs);
    expect((await two.inspect("jobs")).holders).toMatchObject([{ mode: "kept", nodeId: "three" }]);
    await bench.clock.advance(500);
    expect(await bench.keys()).toEqual([]);
    // Neither the client's session nor the lease it had while it held.
    expect(bench.store.leaseCount).toBe(2);
  });

  it.each([0, 1_000])(
    "keeps others out when no lease is to be had for the rest (%i)",
    async (lingerMs) => {
      const hold = await one.acquire("jobs", { minHoldMs, lingerMs });
      bench.etcd.override("leaseGrant", async () => {
        throw new StoreUnavailableError("no answer");
      });
      const releasing = hold.release();
      await bench.clock.advance(5_000);
      await releasing;
      expect(await bench.keys()).toHaveLength(1);
      await bench.clock.advance(498);
      expect(await bench.keys()).toHaveLength(1);
      await bench.clock.advance(2);
      expect(await bench.keys()).toEqual([]);
    },
  );

  it("keeps others out whichever request or answer of the release gets lost", async () => {
    for (const how of ["lost request", "lost reply", "late request"] as const) {
      for (let at = 0; at < 4; at++) {
        const hold = await one.acquire("jobs", { minHoldMs });
        const faulty = new FaultyEtcd(bench.store);
        for (const name of ["txn", "leaseGrant", "leaseRevoke"] as const) {
          bench.etcd.override(name, faulty.port[name].bind(faulty.port) as never);
        }
        faulty.fail((index) => (index === at ? how : undefined));
        const releasing = hold.release();
        await bench.clock.advance(2_000);
        await releasing;
        faulty.mend();
        await faulty.arrive();
        await bench.clock.advance(minHoldMs - 2_001);
        expect((await bench.keys()).filter((key) => key.includes("kept-"))).toHaveLength(1);
        await bench.clock.advance(2_000);
        expect(await bench.keys()).toEqual([]);
      }
    }
  });

  it("leaves no timer when no lease is to be had for the rest, and the client is closed", async () => {
    const other = await bench.client({ nodeId: "three" });
    const hold = await other.acquire("jobs", { minHoldMs: 20_000 });
    bench.etcd.override("leaseGrant", async () => {
      throw new StoreUnavailableError("no answer");
    });
    const releasing = hold.release();
    await bench.clock.advance(5_000);
    await releasing;
    const { timers } = await bench.leftovers();
    // The store's own, for the lease that is left.
    expect(timers).toBe(1);
    await bench.clock.advance(9_000);
    expect((await bench.leftovers()).leases).toBe(0);
  });

  it("lets go though somebody has taken away what is to stay", async () => {
    const hold = await one.acquire("jobs", { minHoldMs });
    const [, companion = ""] = await bench.keys();
    await deleteKey(bench.store, companion);
    await hold.release();
    expect(await bench.keys()).toEqual([]);
  });

  it("ends with a detach", async () => {
    const hold = await one.acquire("jobs", { minHoldMs });
    const attached = await two.attach(await hold.detach());
    await attached.release();
    expect(await bench.keys()).toEqual([]);
  });

  it("counts for all names, readers, and permits", async () => {
    const asks: Acquire[] = [several, reader, twoPermits, writer];
    for (const acquire of asks) {
      const hold = await acquire(one, { minHoldMs });
      await hold.release();
      let entered = false;
      const waiting = writer(two).then((hold) => {
        entered = true;
        return hold;
      });
      await bench.clock.advance(minHoldMs - 1);
      expect(entered).toBe(false);
      await bench.clock.advance(2);
      expect(entered).toBe(true);
      await (await waiting).release();
      expect(await bench.keys()).toEqual([]);
    }
  });

  it("goes together with lingerMs", async () => {
    const hold = await one.acquire("jobs", { minHoldMs, lingerMs });
    await bench.clock.advance(30);
    await deleteKey(bench.store, hold.key);
    await bench.clock.advance(10);
    await expect(hold.release()).rejects.toMatchObject({ reason: "deleted" });
    await bench.clock.advance(5_400);
    expect(await bench.keys()).toHaveLength(1);
    await bench.clock.advance(100);
    expect(await bench.keys()).toEqual([]);
  });
});

describe("a hold", () => {
  it("says which lease it hangs on, and for how long it is good by itself", async () => {
    const bench = openBench();
    const locks = await bench.client();
    const hold = await locks.acquire("jobs");
    const [entry] = await entriesBelow(bench.store, hold.key);
    expect(hold.lease).toBe(entry?.lease);
    expect(hold.remainingMs).toBe(9_000 - 90);
    await bench.clock.advance(2_000);
    expect(hold.remainingMs).toBe(7_000 - 90);
    await bench.clock.advance(1_500);
    expect(hold.remainingMs).toBe(8_500 - 90);
    const other = await locks.acquire("other");
    await bench.store.leaseRevoke(hold.lease);
    await settle();
    expect(hold.remainingMs).toBe(0);
    await hold.release().catch(() => {});
    await other.release().catch(() => {});
    const released = await locks.acquire("jobs");
    await released.release();

    expect(released.remainingMs).toBe(0);
    expect(await bench.leftovers()).toEqual(nothing);
  });
});
