import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, livesLeaseOf, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("the reason of a loss", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let hold: Hold;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
    hold = await one.acquire("jobs");
    await bench.clock.advance(30);
  });

  afterEach(async () => {
    bench.etcd.override("leaseKeepAlive", undefined);
    bench.etcd.override("txn", undefined);
    await deleteKey(bench.store, hold.key);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const lease = (): bigint => BigInt(`0x${hold.key.split(/[/-]/).at(-2)}`);

  async function lost(reason: string, cause?: unknown): Promise<void> {
    await bench.clock.advance(5);
    expect(hold.held).toBe(false);
    expect(hold.signal.reason).toMatchObject({ code: "LOCK_LOST", reason, key: "jobs" });
    expect(hold.signal.reason.cause).toEqual(cause);
    expect(() => hold.assertHeld()).toThrow(expect.objectContaining({ reason }));
    await expect(hold.verify()).rejects.toMatchObject({ reason });
    await expect(hold.release()).rejects.toMatchObject({ reason });
  }

  it("is `expired` when it asked for the lease to be renewed, in vain, and why", async () => {
    const silence = new StoreUnavailableError("no route to host");
    bench.etcd.override("leaseKeepAlive", async () => {
      throw silence;
    });
    await bench.clock.advance(12_000);
    await lost("expired", silence);
  });

  it("is `expired` also when nobody answers at all", async () => {
    bench.etcd.override("leaseKeepAlive", () => new Promise(() => {}));
    await bench.clock.advance(12_000);
    await lost("expired");
  });

  it("is `stalled` when this process did not run", async () => {
    bench.clock.jump(9_000);
    await lost("stalled");
  });

  it("is `revoked` when the lease was ended in etcd", async () => {
    await bench.store.leaseRevoke(lease());
    await lost("revoked");
  });

  it("is `revoked`, with who and why, when somebody forced its release", async () => {
    const forcing = two.forceRelease("jobs", { reason: "test", by: "Ada", graceMs: 0 });
    await settle();
    await lost("revoked", expect.objectContaining({ code: "REVOKED", by: "Ada", reason: "test" }));
    await forcing;
  });

  it("is `deleted` when the key was deleted", async () => {
    await deleteKey(bench.store, hold.key);
    await lost("deleted");
  });

  it("is `overwritten` when the key was written anew, without a lease or with another", async () => {
    await bench.store.leaseGrant({ id: 7n, ttl: 60n });
    await putKey(bench.store, hold.key, "mine", 7n);
    await lost("overwritten");
    await bench.store.leaseRevoke(7n);
  });

  it("is `overwritten` when the key of the session was written anew", async () => {
    const key = `microlock/%session/${lease().toString(16)}`;
    await putKey(bench.store, key, "mine");
    await lost("overwritten");
    await deleteKey(bench.store, key);
  });

  it("is `closed` when the client was closed", async () => {
    const { signal } = hold;
    const closing = one.close();
    await settle();
    expect(signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "closed" });
    await closing;
    await expect(hold.put("data", "x")).rejects.toMatchObject({ reason: "closed" });
  });

  it("is `released` for whoever goes on using it, and aborts no signal", async () => {
    const { signal } = hold;
    await hold.release();
    await expect(hold.put("data", "x")).rejects.toMatchObject({ reason: "released" });
    expect(signal.aborted).toBe(false);
  });

  it("is `detached` for whoever goes on using it, and aborts no signal", async () => {
    const { signal } = hold;
    await hold.detach();
    await expect(hold.put("data", "x")).rejects.toMatchObject({ reason: "detached" });
    expect(signal.aborted).toBe(false);
    await bench.clock.advance(11_000);
  });

  it("is `rolled back` when etcd answers from an older state", async () => {
    bench.etcd.override("txn", async (request, options) => {
      const response = await bench.store.txn(request, options);
      return { ...response, header: { ...response.header, revision: 1n } };
    });
    await expect(hold.put("data", "x")).rejects.toMatchObject({ reason: "rolled back" });
    // Nor is there another lock to be had whose token was given out before.
    await expect(one.acquire("other")).rejects.toMatchObject({ code: "STORE_ROLLED_BACK" });
    bench.etcd.override("txn", undefined);
    await deleteKey(bench.store, "data");
    const later = await one.acquire("other");
    expect(later.fencingToken).toBeGreaterThan(hold.fencingToken);
    await later.release();
  });

  it("is the first one, whatever comes later", async () => {
    await deleteKey(bench.store, hold.key);
    await bench.clock.advance(5);
    await one.close();
    bench.clock.jump(20_000);
    expect(hold.signal.reason).toMatchObject({ reason: "deleted" });
  });
});

describe("lockDelayMs", () => {
  let bench: Bench;
  let holder: Locks;
  let other: Locks;

  beforeEach(async () => {
    bench = openBench();
    holder = await bench.client({ lockDelayMs: 6_000 });
    other = await bench.client();
  });

  afterEach(async () => {
    bench.etcd.override("leaseKeepAlive", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  /** From now on the client of this hold cannot renew its lease. */
  function cutOff({ key }: Hold): void {
    const lease = BigInt(`0x${key.split(/[/-]/).at(-2)}`);
    bench.etcd.override("leaseKeepAlive", (id, options) =>
      id === lease ? new Promise(() => {}) : bench.store.leaseKeepAlive(id, options),
    );
  }

  it("keeps others out for so long after the hold has ended", async () => {
    const hold = await holder.acquire("jobs");
    cutOff(hold);
    let lostAt = 0;
    hold.signal.addEventListener("abort", () => {
      lostAt = bench.clock.now();
    });
    const waiting = other.acquire("jobs");
    let enteredAt = 0;
    void waiting.then(() => {
      enteredAt = bench.clock.now();
    });
    await bench.clock.advance(20_000);

    expect(lostAt).toBeGreaterThanOrEqual(8_000);
    expect(lostAt).toBeLessThan(9_000);
    expect(enteredAt - lostAt).toBeGreaterThanOrEqual(6_000);
    expect(enteredAt).toBeLessThan(17_000);
    await (await waiting).release();
  });

  it("lets the next one in at once after a release", async () => {
    const hold = await holder.acquire("jobs");
    const waiting = other.acquire("jobs");
    await settle();
    await hold.release();
    await settle();
    await (await waiting).release();
    expect(bench.clock.now()).toBe(0);
  });

  it("is renewed with the lease, of which it never becomes a part", async () => {
    const hold = await holder.acquire("jobs");
    await bench.clock.advance(100_000);
    expect(hold.held).toBe(true);
    cutOff(hold);
    await bench.clock.advance(9_000);
    expect(hold.held).toBe(false);
    expect(await livesLeaseOf(bench.store, hold.key)).toBe(true);
    await bench.clock.advance(9_000);
    expect(await bench.keys()).toEqual([]);
  });

  it("is not cut short when its own client opens a new session", async () => {
    const hold = await holder.acquire("jobs");
    cutOff(hold);
    await bench.clock.advance(9_000);
    expect(hold.held).toBe(false);
    const again = holder.acquire("jobs");
    let enteredAt = 0;
    void again.then(() => {
      enteredAt = bench.clock.now();
    });
    await (await holder.acquire("other")).release();
    await bench.clock.advance(4_000);
    expect(enteredAt).toBe(0);
    await bench.clock.advance(6_000);
    expect(enteredAt).toBeGreaterThan(14_000);
    await (await again).release();
  });

  it("is not cut short by closing the client after a loss", async () => {
    const hold = await holder.acquire("jobs");
    bench.clock.jump(9_000);
    expect(hold.held).toBe(false);
    await holder.close();
    expect(await bench.keys()).toEqual([hold.key]);
    await bench.clock.advance(8_000);
    expect(await bench.keys()).toEqual([]);
  });

  it("is not cut short by closing the client before anybody has noticed the loss", async () => {
    const hold = await holder.acquire("jobs");
    bench.clock.jump(9_000);
    await holder.close();
    expect(hold.signal.reason).toMatchObject({ reason: "stalled" });
    expect(await bench.keys()).toEqual([hold.key]);
    await bench.clock.advance(8_000);
  });

  it("is not waited for when the client was closed with a hold, in an orderly way", async () => {
    await holder.acquire("jobs");
    await holder.close();
    expect(await bench.keys()).toEqual([]);
  });

  it("is not waited for when there was no hold: the lease of the lost session goes at once", async () => {
    const hold = await holder.acquire("jobs");
    await hold.release();
    cutOff(hold);
    await bench.clock.advance(9_000);
    expect(await livesLeaseOf(bench.store, hold.key)).toBe(true);
    await (await holder.acquire("jobs")).release();
    expect(await livesLeaseOf(bench.store, hold.key)).toBe(false);
  });

  it("is not waited for by those behind a waiter of a lost session", async () => {
    const hold = await other.acquire("jobs");
    const waiting = holder.acquire("jobs").catch((error) => error);
    await settle();
    bench.etcd.override("leaseKeepAlive", (id, options) =>
      id === BigInt(`0x${hold.key.split(/[/-]/).at(-2)}`)
        ? bench.store.leaseKeepAlive(id, options)
        : new Promise(() => {}),
    );
    await bench.clock.advance(9_000);
    expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "expired" });
    await holder.acquire("other").then((next) => next.release());
    await settle();
    expect(await bench.keys()).toEqual([hold.key]);
    await hold.release();
  });
});
