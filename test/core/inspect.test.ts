import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sleep } from "../../src/clock.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("inspect", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  /** Lets go of what was given out, or asked for in vain. */
  const ignore = (): void => {};

  it("finds nobody at a free lock", async () => {
    expect(await one.inspect("jobs")).toEqual({ name: "jobs", holders: [], waiters: [] });
  });

  it("says who holds, where, since when, what for, and for how long at the least", async () => {
    await bench.clock.advance(500);
    const hold = await one.acquire("jobs", { reason: "monthly invoices" });
    const { holders, waiters } = await two.inspect("jobs");

    expect(waiters).toEqual([]);
    expect(holders).toEqual([
      {
        key: hold.key,
        fencingToken: hold.fencingToken,
        expires: true,
        nodeId: "one",
        host: expect.any(String),
        pid: process.pid,
        since: new Date(1_800_000_000_500).toISOString(),
        reason: "monthly invoices",
        mode: "exclusive",
        lease: BigInt(`0x${hold.key.split(/[/-]/).at(-2)}`),
        ttlLeftMs: expect.any(Number),
        isOurs: false,
        isForeign: false,
      },
    ]);
    expect(holders[0]?.ttlLeftMs).toBeLessThanOrEqual(9_000);
    expect(holders[0]?.ttlLeftMs).toBeGreaterThanOrEqual(8_000);
    expect((await one.inspect("jobs")).holders[0]).toMatchObject({ isOurs: true });
    await hold.release();
  });

  it("shows all kinds of contenders in the order of their turns", async () => {
    const rw = two.rwLock("jobs");
    const reader = await rw.read.acquire();
    const second = await one.rwLock("jobs").read.acquire();
    const waiting: Promise<unknown>[] = [];
    const asked = async (asking: Promise<{ release(): Promise<void> }>): Promise<void> => {
      waiting.push(asking.then((hold) => hold.release()));
      await settle();
    };
    await asked(rw.write.acquire());
    await asked(one.rwLock("jobs").read.acquire());
    await asked(one.semaphore("jobs", 5).acquire({ permits: 3 }));
    await asked(two.election("jobs").campaign('{"nodeId":"a lie"}'));
    await asked(one.acquire("jobs"));
    const { holders, waiters } = await one.inspect("jobs");

    expect(holders).toMatchObject([
      { mode: "read", nodeId: "two" },
      { mode: "read", nodeId: "one" },
    ]);
    expect(waiters).toMatchObject([
      { mode: "write", nodeId: "two" },
      { mode: "read", nodeId: "one" },
      { mode: "permits", permits: 3, nodeId: "one" },
      { mode: "election", value: '{"nodeId":"a lie"}', nodeId: "two", isForeign: false },
      { mode: "exclusive", nodeId: "one" },
    ]);
    await reader.release();
    await second.release();
    await Promise.all(waiting);
  });

  it("counts as many holders of a semaphore as have permits", async () => {
    const holds = [
      await one.semaphore("jobs", 3).acquire(),
      await two.semaphore("jobs", 3).acquire(),
    ];
    const large = one.semaphore("jobs", 3).acquire({ permits: 2 });
    await settle();
    const small = two.semaphore("jobs", 3).acquire();
    await settle();

    const { holders, waiters } = await one.inspect("jobs");
    expect(holders).toHaveLength(2);
    // The small one would fit, but does not overtake.
    expect(waiters.map(({ permits }) => permits)).toEqual([2, 1]);
    for (const hold of holds) await hold.release();
    await (await large).release();
    await (await small).release();
  });

  it("shows a writer that became a reader as one", async () => {
    const writer = await one.rwLock("jobs").write.acquire({ reason: "rebuild" });
    await writer.downgrade();
    const reader = await two.rwLock("jobs").read.acquire();

    expect((await one.inspect("jobs")).holders).toMatchObject([
      { mode: "read", reason: "rebuild" },
      { mode: "read" },
    ]);
    await writer.release();
    await reader.release();
  });

  it("shows what once has left behind, and what was handed over", async () => {
    await one.once("tick", { everyMs: 10_000 }, () => {});
    expect((await two.inspect("tick")).holders).toMatchObject([{ mode: "kept", isForeign: false }]);
    const ticket = await (await one.acquire("jobs")).detach();
    expect((await two.inspect("jobs")).holders).toMatchObject([
      { nodeId: "one", isOurs: false, isForeign: false },
    ]);
    await (await two.attach(ticket)).release();
    await bench.clock.advance(10_000);
  });

  it("takes nothing for granted of what others have written", async () => {
    const huge = "x".repeat(1_000_000);
    const values = ["", "garbage", "null", "[1]", '"text"', '{"nodeId":7,"pid":"one"}', huge];
    for (const value of [...values, JSON.stringify(huge), '{"nodeId":"go"}']) {
      await putKey(bench.store, "microlock/jobs/694d8f", value);
      const { holders } = await one.inspect("jobs");
      expect(holders).toMatchObject([
        {
          key: "microlock/jobs/694d8f",
          mode: "exclusive",
          nodeId: value.includes("go") ? "go" : undefined,
          pid: undefined,
          lease: 0n,
          ttlLeftMs: undefined,
          expires: false,
          isOurs: false,
          isForeign: !value.includes("go"),
        },
      ]);
      await deleteKey(bench.store, "microlock/jobs/694d8f");
    }
  });

  it("does not count what stands in the queue of another name", async () => {
    const holds = [
      await one.acquire("jobs/a"),
      await one.acquire("job"),
      await one.acquire("jobs2"),
    ];
    expect((await one.inspect("jobs")).holders).toEqual([]);
    for (const hold of holds) await hold.release();
  });

  it("finds the leases of hundreds, with fewer operations at once than etcd takes", async () => {
    const leases = 330;
    for (let index = 1; index <= leases; index++) {
      const lease = BigInt(index);
      await bench.store.leaseGrant({ id: lease, ttl: 30n });
      await putKey(bench.store, `microlock/%session/${lease.toString(16)}`, "{}", lease);
      await putKey(bench.store, `microlock/jobs/${lease.toString(16)}-1`, "", lease);
    }
    let most = 0;
    bench.etcd.override("txn", (request, options) => {
      most = Math.max(most, request.success?.length ?? 0);
      return bench.store.txn(request, options);
    });
    const { holders, waiters } = await one.inspect("jobs");

    expect(waiters).toHaveLength(leases - 1);
    expect([...holders, ...waiters].every(({ isForeign }) => !isForeign)).toBe(true);
    expect(waiters.map(({ lease }) => lease)).toEqual(
      Array.from({ length: leases - 1 }, (_, index) => BigInt(index + 2)),
    );
    expect(waiters.every(({ ttlLeftMs }) => ttlLeftMs === 30_000)).toBe(true);
    expect(most).toBeLessThanOrEqual(100);
    for (let index = 1; index <= leases; index++) await bench.store.leaseRevoke(BigInt(index));
  });

  describe("while etcd does not answer", () => {
    const silence: Etcd["txn"] = async (_request, { timeoutMs = 0, signal } = {}) => {
      await sleep(bench.clock, timeoutMs, signal);
      throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
    };

    it("rejects when its time is over", async () => {
      bench.etcd.override("txn", silence);
      const inspecting = one.inspect("jobs", { timeoutMs: 1_000 }).catch((error) => error);
      await bench.clock.advance(1_000);
      expect(await inspecting).toMatchObject({ code: "STORE_UNAVAILABLE" });
    });

    it("rejects with the reason of its signal", async () => {
      bench.etcd.override("txn", (_request, { signal } = {}) => {
        return new Promise((_, reject) =>
          signal?.addEventListener("abort", () => reject(signal.reason)),
        );
      });
      const controller = new AbortController();
      const inspecting = one.inspect("jobs", { signal: controller.signal });
      inspecting.catch(ignore);
      await settle();
      controller.abort(new Error("enough"));
      await expect(inspecting).rejects.toThrow("enough");
    });

    it("leaves out how long leases last, and takes no longer than for one call", async () => {
      for (let index = 1; index <= 100; index++) {
        await bench.store.leaseGrant({ id: BigInt(index), ttl: 30n });
        await putKey(bench.store, `microlock/jobs/${index}-1`, "", BigInt(index));
      }
      const { leaseTimeToLive } = bench.etcd;
      bench.etcd.leaseTimeToLive = (request, options) =>
        silence(request as never, options) as never;
      const inspecting = one.inspect("jobs", { timeoutMs: 1_000 });
      await bench.clock.advance(1_000);
      let ended = false;
      void inspecting.then(() => {
        ended = true;
      });
      await settle();

      expect(ended).toBe(true);
      expect((await inspecting).waiters[98]).toMatchObject({ lease: 100n, ttlLeftMs: undefined });
      bench.etcd.leaseTimeToLive = leaseTimeToLive;
      for (let index = 1; index <= 100; index++) await bench.store.leaseRevoke(BigInt(index));
    });
  });

  it("refuses wrong arguments before anything is sent", async () => {
    bench.etcd.forget();
    await expect(one.inspect("")).rejects.toMatchObject({ option: "name" });
    await expect(one.inspect("jobs", { timeoutMs: -1 })).rejects.toMatchObject({
      option: "timeoutMs",
    });
    await expect(one.inspect("jobs", { wait: 1 } as never)).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    expect(bench.etcd.calls.txn).toBe(0);
  });
});
