import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { connect } from "../../src/connect.ts";
import type { OnceOutcome } from "../../src/core/once.ts";
import { Sessions } from "../../src/core/sessions.ts";
import {
  InvalidOptionError,
  LockLostError,
  StoreError,
  StoreUnavailableError,
} from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

const hour = 3_600_000;

describe("once", () => {
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
    // What a tick keeps goes by itself, after the clients.
    await bench.leftovers();
    await bench.clock.advance(2 * hour);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => bench.clock.setTimer(ms, resolve));

  it("does the work, and resolves with its result, while others hear who does it", async () => {
    let finish = (): void => {};
    const working = one.once("cron", { everyMs: hour, reason: "invoices" }, async (hold) => {
      expect(hold).toMatchObject({ held: true, name: "cron", mode: "exclusive" });
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return 42;
    });
    await settle();
    const holder = { nodeId: "one", reason: "invoices" };
    expect(await two.once("cron", { everyMs: hour }, () => 1)).toMatchObject({
      ran: false,
      holder,
    });
    finish();
    expect(await working).toEqual({ ran: true, result: 42 });

    expect(await two.once("cron", { everyMs: hour }, () => 1)).toMatchObject({
      ran: false,
      holder,
    });
  });

  it("runs a work of a millisecond once, though clocks differ by seconds", async () => {
    const ran: number[] = [];
    for (let tick = 0; tick < 3; tick++) {
      const outcomes: Promise<OnceOutcome<void>>[] = [];
      for (const [locks, skewMs] of [
        [one, 0],
        [two, 4_000],
        [one, 9_000],
        [two, 25_000],
      ] as const) {
        outcomes.push(
          wait(skewMs).then(() =>
            locks.once("cron", { everyMs: 60_000 }, async () => {
              ran.push(tick);
              await wait(1);
            }),
          ),
        );
      }
      await bench.clock.advance(60_000);
      const done = (await Promise.all(outcomes)).map((outcome) => outcome.ran);
      expect(done).toEqual([true, false, false, false]);
    }

    expect(ran).toEqual([0, 1, 2]);
  });

  it("runs once of many who come in the same moment", async () => {
    let ran = 0;
    const coming = Array.from({ length: 40 }, (_, index) =>
      (index % 2 ? one : two).once("cron", { everyMs: hour }, () => {
        ran += 1;
      }),
    );
    const outcomes = await Promise.all(coming);

    expect(ran).toBe(1);
    expect(outcomes.filter((outcome) => outcome.ran)).toHaveLength(1);
    expect(outcomes.every((outcome) => outcome.ran || outcome.holder)).toBe(true);
    // The leases of those who came in vain have ended: there are two sessions, and what is kept.
    await settle();
    expect(bench.store.leaseCount).toBe(3);
  });

  it("lets the next tick run at half the interval, not before", async () => {
    await one.once("cron", { everyMs: 60_000 }, () => {});
    await bench.clock.advance(29_990);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(20);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(true);
  });

  it("costs those who come in vain one round trip", async () => {
    await one.once("cron", { everyMs: hour }, () => {});
    bench.etcd.forget();
    await two.once("cron", { everyMs: hour }, () => {});
    expect(bench.etcd.calls).toMatchObject({ txn: 1, leaseGrant: 0, leaseRevoke: 0 });
  });

  it("keeps no queue in memory of a tick that it came to in vain", async () => {
    await one.once("cron", { everyMs: hour }, () => {});
    const queues = vi.spyOn(Sessions.prototype, "queues");
    await two.once("cron", { everyMs: hour }, () => {});
    expect(queues).not.toHaveBeenCalled();
    queues.mockRestore();
  });

  it("is over at untilMs, by the clock of whoever ran it", async () => {
    const untilMs = bench.clock.wallTime() + 10_000;
    expect((await one.once("cron", { untilMs }, () => {})).ran).toBe(true);
    await bench.clock.advance(9_990);
    expect((await two.once("cron", { untilMs }, () => {})).ran).toBe(false);
    await bench.clock.advance(20);
    const next = { untilMs: untilMs + 10_000 };
    expect((await two.once("cron", next, () => {})).ran).toBe(true);
  });

  it("keeps nothing for a tick that is over by the clock of whoever comes late", async () => {
    const untilMs = bench.clock.wallTime() - 1;
    expect((await one.once("cron", { untilMs }, () => {})).ran).toBe(true);
    await bench.clock.advance(10);
    expect(await bench.keys()).toEqual([]);
  });

  it("keeps others out for minHoldMs after the work, however long that took", async () => {
    const working = one.once("cron", { everyMs: 2_000, minHoldMs: 30_000 }, () => wait(50_000));
    await bench.clock.advance(50_010);
    expect((await working).ran).toBe(true);
    await bench.clock.advance(29_900);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(200);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(true);
  });

  it("keeps others out for minHoldMs by its hold when etcd is full at the end of the work", async () => {
    const working = one.once("cron", { everyMs: 2_000, minHoldMs: 30_000 }, () => wait(50_000));
    await bench.clock.advance(40_000);
    bench.etcd.override("leaseGrant", async () => {
      throw new StoreError("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded");
    });
    await bench.clock.advance(39_990);
    bench.etcd.override("leaseGrant", undefined);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(20);
    expect((await working).ran).toBe(true);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(true);
  });

  it("keeps others out for minHoldMs when that is within the tick", async () => {
    await one.once("cron", { everyMs: 60_000, minHoldMs: 5_000 }, () => {});
    await bench.clock.advance(29_990);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(20);
    expect(await bench.keys()).toEqual([]);
  });

  it("keeps nobody out after a work that took longer than the tick, and asks nothing for it", async () => {
    const working = one.once("cron", { everyMs: 2_000 }, () => wait(10_000));
    await bench.clock.advance(9_000);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(false);
    bench.etcd.forget();
    await bench.clock.advance(1_000);
    expect((await working).ran).toBe(true);

    expect(bench.etcd.calls).toMatchObject({ txn: 1, leaseGrant: 0 });
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(true);
  });

  it("keeps others out until the tick is over when the process dies", async () => {
    let finish = (): void => {};
    const dying = one
      .once(
        "cron",
        { everyMs: 120_000 },
        () =>
          new Promise<void>((resolve) => {
            finish = resolve;
          }),
      )
      .catch((error) => error);
    await bench.clock.advance(10);
    const lease = BigInt(`0x${(await bench.keys())[0]?.split("/").at(-1)?.split("-")[0]}`);
    bench.etcd.override("leaseKeepAlive", (id, options) =>
      id === lease ? new Promise(() => {}) : bench.store.leaseKeepAlive(id, options),
    );
    await bench.clock.advance(30_000);
    expect(await bench.keys()).toHaveLength(1);
    const [kept] = (await two.inspect("cron")).holders;
    expect(kept).toMatchObject({ mode: "kept", nodeId: "one" });
    expect((await two.once("cron", { everyMs: 120_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(30_000);

    expect((await two.once("cron", { everyMs: 120_000 }, () => {})).ran).toBe(true);
    finish();
    expect(await dying).toMatchObject({ reason: "expired" });
  });

  it("does not run work again that failed, until the next tick", async () => {
    const failing = one.once("cron", { everyMs: 60_000 }, () => {
      throw new Error("broken");
    });
    await expect(failing).rejects.toThrow("broken");
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(30_010);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(true);
  });

  it("rejects when the lock was lost meanwhile, with what the work returned", async () => {
    let finish = (): void => {};
    const working = one
      .once("cron", { everyMs: 60_000 }, async () => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return "done";
      })
      .catch((error) => error);
    await settle();
    const own = (await bench.keys()).find((key) => !key.includes("/kept/")) ?? "";
    await deleteKey(bench.store, own);
    finish();

    expect(await working).toBeInstanceOf(LockLostError);
    expect(await working).toMatchObject({ reason: "deleted", result: "done" });
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
  });

  it("keeps the rest of the tick also when the lock was lost and minHoldMs goes beyond it", async () => {
    let finish = (): void => {};
    const options = { everyMs: 60_000, minHoldMs: 40_000 };
    const working = one
      .once(
        "cron",
        options,
        () =>
          new Promise<void>((resolve) => {
            finish = resolve;
          }),
      )
      .catch((error) => error);
    await bench.clock.advance(10_000);
    const own = (await bench.keys()).find((key) => !key.includes("/kept/")) ?? "";
    await deleteKey(bench.store, own);
    finish();
    expect(await working).toMatchObject({ reason: "deleted" });
    await settle();

    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(15_000);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
    // It says nothing beyond that: somebody else may have the lock by now.
    await bench.clock.advance(16_000);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(true);
  });

  it("keeps others out for minHoldMs when the process dies, too", async () => {
    let finish = (): void => {};
    const work = (): Promise<void> =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const dying = one.once("cron", { everyMs: 2_000, minHoldMs: 60_000 }, work).catch((e) => e);
    await bench.clock.advance(10);
    const own = (await bench.keys()).find((key) => !key.includes("/kept/")) ?? "";
    await bench.store.leaseRevoke(BigInt(`0x${own.split("/").at(-1)?.split("-")[0]}`));
    await bench.clock.advance(59_000);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(2_000);
    expect((await two.once("cron", { everyMs: 2_000 }, () => {})).ran).toBe(true);
    finish();
    expect(await dying).toMatchObject({ reason: "revoked" });
  });

  it("has close wait for the work, and keeps the tick beyond it", async () => {
    const working = one.once("cron", { everyMs: 60_000 }, async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      await wait(3_000);
      return "ended";
    });
    await settle();
    let closed = false;
    const closing = one.close().then(() => {
      closed = true;
    });
    await bench.clock.advance(2_900);
    expect(closed).toBe(false);
    await bench.clock.advance(200);
    await closing;
    expect(await working).toEqual({ ran: true, result: "ended" });
    bench.etcd.forget();
    await bench.clock.advance(26_000);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(false);
    await bench.clock.advance(2_000);

    // Its lease ended by itself: a client that is closed asks nothing any more.
    expect(await bench.keys()).toEqual([]);
    expect(bench.etcd.calls.leaseRevoke).toBe(0);
  });

  it("leaves no lease when the answer to its grant gets lost", async () => {
    const leases = bench.store.leaseCount;
    bench.etcd.override("leaseGrant", async (request, options) => {
      await bench.store.leaseGrant(request, options);
      throw new StoreUnavailableError("lost");
    });
    const coming = one.once("cron", { everyMs: hour }, () => {}).catch((error) => error);
    await bench.clock.advance(5_000);
    expect((await coming).message).toBe("lost");

    expect(bench.store.leaseCount).toBe(leases);
  });

  it("runs once when the answer to its joining gets lost", async () => {
    let ran = 0;
    let lost = false;
    bench.etcd.override("txn", async (request, options) => {
      const answer = await bench.store.txn(request, options);
      if (lost || !request.success?.some(({ op }) => op === "put")) return answer;
      lost = true;
      throw new StoreUnavailableError("lost");
    });
    const working = one.once("cron", { everyMs: hour }, () => {
      ran += 1;
    });
    await bench.clock.advance(500);

    expect((await working).ran).toBe(true);
    expect(ran).toBe(1);
    expect((await bench.keys()).map((key) => key.includes("/kept/"))).toEqual([true]);
  });

  it("leaves nothing when etcd does not answer, or its signal aborts", async () => {
    const leases = bench.store.leaseCount;
    const controller = new AbortController();
    bench.etcd.override("leaseGrant", async (request, options) => {
      const granted = await bench.store.leaseGrant(request, options);
      controller.abort(new Error("enough"));
      return granted;
    });
    const { signal } = controller;
    await expect(one.once("cron", { everyMs: hour, signal }, () => {})).rejects.toThrow("enough");
    await settle();
    expect(bench.store.leaseCount).toBe(leases);
    bench.etcd.override("leaseGrant", async () => {
      throw new StoreUnavailableError("nobody there");
    });
    const coming = one.once("cron", { everyMs: hour }, () => {}).catch((error) => error);
    await bench.clock.advance(5_000);
    expect((await coming).message).toBe("nobody there");

    expect(bench.store.leaseCount).toBe(leases);
    expect(await bench.keys()).toEqual([]);
  });

  it("does not run while a plain lock of the name is held", async () => {
    const hold = await two.acquire("cron");
    expect(await one.once("cron", { everyMs: hour }, () => {})).toMatchObject({
      ran: false,
      holder: { key: hold.key },
    });
    await hold.release();
    expect((await one.once("cron", { everyMs: hour }, () => {})).ran).toBe(true);
    expect(await two.tryAcquire("cron")).toBeUndefined();
  });

  it("takes its time from the clock that never goes back, whatever the time of day does", async () => {
    let offset = 0;
    const clock: Clock = {
      now: () => bench.clock.now(),
      wallTime: () => bench.clock.wallTime() + offset,
      setTimer: (ms, wake) => bench.clock.setTimer(ms, wake),
    };
    const moved = await connect({ store: bench.etcd, clock, ttlMs: 9_000 });
    await moved.once("cron", { everyMs: 60_000 }, () => {
      offset = -hour;
    });
    await bench.clock.advance(30_010);
    expect((await two.once("cron", { everyMs: 60_000 }, () => {})).ran).toBe(true);
    await moved.close();
  });

  it.each([
    {},
    { everyMs: 0 },
    { everyMs: -1 },
    { everyMs: Number.NaN },
    { everyMs: Number.POSITIVE_INFINITY },
    { everyMs: 1_000, untilMs: 5 },
    { untilMs: Number.NaN },
    { untilMs: Number.MAX_VALUE },
    { untilMs: "tomorrow" },
    { everyMs: 1_000, minHoldMs: -1 },
    { everyMs: 1_000, minHoldMs: Number.POSITIVE_INFINITY },
    { everyMs: 1_000, waitMs: 1 },
    { everyMs: 1_000, reason: 1 },
  ])("can't be told by %j", async (options) => {
    const asking = one.once("cron", options as { everyMs: number }, () => {});
    await expect(asking).rejects.toThrow(InvalidOptionError);
    expect(bench.etcd.calls.txn).toBe(0);
  });
});
