import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import { StoreError, StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { settle } from "../support/simulated-clock.ts";

describe("while etcd does not answer, or refuses", () => {
  let bench: Bench;
  let locks: Locks;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client({ ttlMs: 30_000, callTimeoutMs: 2_000 });
  });

  afterEach(async () => {
    for (const name of ["txn", "leaseGrant", "leaseKeepAlive"] as const) {
      bench.etcd.override(name, undefined);
    }
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const unreachable = async (): Promise<never> => {
    throw new StoreUnavailableError("connection refused");
  };
  const refused = (code: "STORE_DENIED" | "STORE_FULL") => async (): Promise<never> => {
    throw new StoreError(code === "STORE_FULL" ? "RESOURCE_EXHAUSTED" : "PERMISSION_DENIED", code, {
      code,
    });
  };
  const leaseOf = ({ key }: Hold): bigint => BigInt(`0x${key.split(/[/-]/).at(-2)}`);

  it("opens another session when the lease of the first was over before it was of use", async () => {
    const { etcd, store, clock } = bench;
    let stopped = 1;
    etcd.override("leaseGrant", async (request) => {
      const granted = await store.leaseGrant(request);
      // As for a process that was stopped there for longer than its TTL.
      if (stopped-- > 0) await store.leaseRevoke(granted.id);
      return granted;
    });
    const connecting = bench.client({ ttlMs: 2_000 });
    await clock.advance(100);
    const late = await connecting;
    const hold = await late.acquire("jobs");
    expect(hold.held).toBe(true);
    await hold.release();
  });

  it("gives a lock back once etcd lets us, though it refused at first", async () => {
    const hold = await locks.acquire("jobs");
    bench.etcd.override("txn", refused("STORE_DENIED"));
    await expect(hold.release()).rejects.toMatchObject({ code: "STORE_DENIED" });
    await bench.clock.advance(5_000);
    expect(bench.etcd.calls.txn).toBeLessThan(10);
    bench.etcd.override("txn", undefined);
    await bench.clock.advance(1_000);

    expect(await bench.keys()).toEqual([]);
  });

  it("gives a lock back though etcd has no space to settle a doubt with", async () => {
    const hold = await locks.acquire("jobs");
    bench.etcd.override("txn", unreachable);
    const writing = hold.put("fence", "1", { timeoutMs: 50 });
    await expect(writing).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    bench.etcd.override("txn", (request, options) => {
      const puts = request.success?.some(({ op }) => op === "put");
      return puts ? refused("STORE_FULL")() : bench.store.txn(request, options);
    });
    await hold.release();

    expect(await bench.keys()).toEqual([]);
  });

  it("sends nothing after a join that was refused", async () => {
    bench.etcd.override("txn", refused("STORE_DENIED"));
    await expect(locks.acquire("jobs")).rejects.toMatchObject({ code: "STORE_DENIED" });
    await bench.clock.advance(5_000);

    expect(bench.etcd.calls.txn).toBe(1);
  });

  it("lets a waiter keep its place for as long as the session lives", async () => {
    const holder = await locks.acquire("jobs");
    const asking = locks.acquire("jobs");
    await bench.clock.advance(1_000);
    bench.etcd.override("txn", unreachable);
    await bench.clock.advance(12_000);
    bench.etcd.override("txn", undefined);
    await holder.release();
    await bench.clock.advance(100);
    const hold = await asking;

    expect(hold.held).toBe(true);
    await hold.release();
  });

  it("tells a waiter that its time is over, outage or not", async () => {
    const holder = await locks.acquire("jobs");
    const asking = locks.acquire("jobs", { waitMs: 6_000 }).catch((error) => error);
    await bench.clock.advance(1_000);
    bench.etcd.override("txn", unreachable);
    await bench.clock.advance(6_000);

    expect(await asking).toMatchObject({ code: "ALREADY_LOCKED" });
    bench.etcd.override("txn", undefined);
    await holder.release();
    await bench.clock.advance(1_000);
  });

  it("goes on trying to get a new session for as long as a call may take", async () => {
    await bench.store.leaseRevoke(leaseOf(await locks.acquire("jobs")));
    await settle();
    bench.etcd.override("leaseGrant", unreachable);
    const early = locks.acquire("jobs");
    await bench.clock.advance(1_000);
    expect(bench.etcd.calls.leaseGrant).toBeLessThan(12);
    bench.etcd.override("leaseGrant", undefined);
    await bench.clock.advance(200);
    const hold = await early;
    expect(hold.held).toBe(true);

    await bench.store.leaseRevoke(leaseOf(hold));
    await settle();
    bench.etcd.override("leaseGrant", unreachable);
    const late = locks.acquire("jobs").catch((error) => error);
    await bench.clock.advance(2_000);
    expect(await late).toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("has a new session soon after an election, though nothing asked before is answered", async () => {
    await bench.store.leaseRevoke(leaseOf(await locks.acquire("jobs")));
    await settle();
    // As members do that have lost their leader.
    const never = (): Promise<never> => new Promise(() => {});
    bench.etcd.override("leaseGrant", never);
    bench.etcd.override("txn", never);
    const asking = locks.acquire("jobs");
    await bench.clock.advance(450);
    bench.store.elect(0);
    bench.etcd.override("leaseGrant", undefined);
    bench.etcd.override("txn", undefined);
    await bench.clock.advance(100);

    const { held } = await Promise.race([asking, settle().then(() => ({ held: "not yet" }))]);
    expect(held).toBe(true);
    await (await asking).release();
  });

  it("asks a cluster without a leader again, but not at once", async () => {
    bench.etcd.override("leaseGrant", async () => {
      throw new StoreUnavailableError("etcdserver: no leader");
    });
    const connecting = bench.client({ callTimeoutMs: 1_000 }).catch((error) => error);
    await bench.clock.advance(1_000);

    expect(await connecting).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(bench.etcd.calls.leaseGrant).toBeLessThan(12);
  });

  it("says that a hold was released, when that is why nothing was written", async () => {
    const hold = await locks.acquire("jobs");
    const releasing = { of: undefined as Promise<void> | undefined };
    bench.etcd.override("txn", async (request, options) => {
      bench.etcd.override("txn", undefined);
      releasing.of = hold.release();
      await releasing.of;
      return bench.store.txn(request, options);
    });
    await expect(hold.put("fence", "1")).rejects.toMatchObject({ reason: "released" });
    await releasing.of;
  });

  it("takes no hold for lost whose release was overtaken by a look at it", async () => {
    const hold = await locks.acquire("jobs");
    const answers: (() => void)[] = [];
    bench.etcd.override("txn", async (request, options) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      const response = await bench.store.txn(request, options);
      // The first answer to the release gets lost.
      if (request.success?.[0]?.op === "deleteRange" && answers.length === 2) return unreachable();
      return response;
    });
    const looking = hold.verify().catch((error) => error);
    const releasing = hold.release();
    await settle();
    answers[1]?.();
    await settle();
    answers[0]?.();

    expect(await looking).toMatchObject({ code: "LOCK_LOST", reason: "released" });
    bench.etcd.override("txn", undefined);
    await Promise.all([releasing, bench.clock.advance(200)]);
    expect(hold.signal.aborted).toBe(false);
  });
});
