import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../src/core/keys.ts";
import { AlreadyLockedError, ClosedError, PlaceLostError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("Mutex", () => {
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

  it("takes a free lock in one round trip, and releases it in one", async () => {
    const hold = await one.acquire("jobs");
    expect(bench.etcd.calls.txn).toBe(1);
    await hold.release();

    expect(bench.etcd.calls).toEqual({
      txn: 2,
      leaseGrant: 0,
      leaseKeepAlive: 0,
      leaseRevoke: 0,
      watch: 0,
    });
  });

  it("hands over to a waiter of the same process in one round trip in all", async () => {
    const first = await one.acquire("jobs");
    const waiting = one.acquire("jobs");
    await settle();
    bench.etcd.forget();

    await first.release();
    const second = await waiting;

    expect(second.held).toBe(true);
    expect(bench.etcd.calls.txn).toBe(1);
    await second.release();
  });

  it("lets contenders in one at a time, in the order in which they asked", async () => {
    const order: number[] = [];
    let inside = 0;
    const runs = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? one : two).run("jobs", async () => {
        inside += 1;
        expect(inside).toBe(1);
        order.push(index);
        await settle();
        inside -= 1;
      }),
    );
    await Promise.all(runs);

    const ofOne = order.filter((index) => index % 2 === 1);
    expect(ofOne).toEqual([...ofOne].sort((a, b) => a - b));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("gives every new holder a larger fencing token: the create revision of its key", async () => {
    const tokens: bigint[] = [];
    for (const locks of [one, two, one]) {
      await locks.run("jobs", (hold) => void tokens.push(hold.fencingToken));
    }

    expect(tokens[1]).toBeGreaterThan(tokens[0] as bigint);
    expect(tokens[2]).toBeGreaterThan(tokens[1] as bigint);
  });

  it("keeps different names apart, also those with slashes and percent signs", async () => {
    const holds = [];
    for (const name of ["a", "a/b", "a%2Fb", "%", "a/", "ä 🔒\0", "x".repeat(1_000)]) {
      holds.push(await one.acquire(name, { waitMs: 0 }));
    }
    for (const hold of holds) await hold.release();
  });

  describe("while another client holds it", () => {
    let holder: Awaited<ReturnType<Locks["acquire"]>>;

    beforeEach(async () => {
      holder = await one.acquire("jobs", { reason: "monthly invoices" });
    });

    afterEach(async () => {
      await holder.release().catch(() => {});
    });

    it("has tryAcquire resolve with nothing, in one round trip, and leaves nothing", async () => {
      bench.etcd.forget();
      expect(await two.tryAcquire("jobs")).toBeUndefined();
      expect(bench.etcd.calls.txn).toBe(1);
      expect(await bench.keys()).toEqual([holder.key]);
    });

    it("says who holds it and how many wait when the time is up", async () => {
      const waiting = two.acquire("jobs");
      await settle();
      const late = two.acquire("jobs", { waitMs: 200 });
      const error = late.catch((reason) => reason);
      await bench.clock.advance(200);

      expect(await error).toBeInstanceOf(AlreadyLockedError);
      expect(await error).toMatchObject({
        code: "ALREADY_LOCKED",
        key: "jobs",
        waiters: 1,
        holder: { nodeId: "one", reason: "monthly invoices", fencingToken: holder.fencingToken },
        message: 'Lock "jobs" is already locked by one (monthly invoices); 1 waiting',
      });
      await holder.release();
      await (await waiting).release();
    });

    it("does not wait with a waitMs of 0", async () => {
      await expect(two.acquire("jobs", { waitMs: 0 })).rejects.toMatchObject({
        code: "ALREADY_LOCKED",
        waiters: 0,
      });
    });

    it("leaves no contender behind when a wait is given up", async () => {
      const controller = new AbortController();
      const waiting = two.acquire("jobs", { signal: controller.signal });
      await settle();
      expect(await bench.keys()).toHaveLength(2);

      controller.abort(new Error("changed my mind"));
      await expect(waiting).rejects.toThrow("changed my mind");
      expect(await bench.keys()).toEqual([holder.key]);
    });

    it("keeps waiting for the holder when the contender in between gives up", async () => {
      const between = two.acquire("jobs", { waitMs: 100 }).catch((error) => error);
      await settle();
      let entered = false;
      const waiting = two.acquire("jobs").then((hold) => {
        entered = true;
        return hold;
      });
      await bench.clock.advance(100);
      expect(await between).toBeInstanceOf(AlreadyLockedError);
      expect(entered).toBe(false);

      await holder.release();
      await (await waiting).release();
    });

    it("does not let a tryAcquire overtake a waiter", async () => {
      const waiting = two.acquire("jobs");
      await settle();
      const released = holder.release();
      expect(await one.tryAcquire("jobs")).toBeUndefined();
      await released;
      await (await waiting).release();
    });

    it("stops waiting when its own entry is deleted", async () => {
      const waiting = two.acquire("jobs").catch((error) => error);
      await settle();
      const [entry = ""] = (await bench.keys()).filter((key) => key !== holder.key);
      await deleteKey(bench.store, entry);
      await bench.clock.advance(5);

      expect(await waiting).toBeInstanceOf(PlaceLostError);
      expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "deleted" });
    });

    it("stops waiting when its own session is revoked", async () => {
      const waiting = two.acquire("jobs").catch((error) => error);
      await settle();
      const [entry = ""] = (await bench.keys()).filter((key) => key !== holder.key);
      await bench.store.leaseRevoke(BigInt(`0x${entry.split("/").at(-1)?.split("-")[0]}`));
      await bench.clock.advance(5);

      expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "revoked" });
    });

    it("sends waiters away when the client is closed", async () => {
      const waiting = two.acquire("jobs").catch((error) => error);
      await settle();
      await two.close();

      expect(await waiting).toBeInstanceOf(ClosedError);
      expect(await bench.keys()).toEqual([holder.key]);
      await expect(two.acquire("jobs")).rejects.toThrow(ClosedError);
    });

    it("lets a waiter in when the holder's lease ends, after the holder has let go", async () => {
      const lease = BigInt(`0x${holder.key.split("/").at(-1)?.split("-")[0]}`);
      bench.etcd.override("leaseKeepAlive", (id) =>
        id === lease ? new Promise(() => {}) : bench.store.leaseKeepAlive(id),
      );
      const entered = two.acquire("jobs").then((hold) => {
        expect(holder.held).toBe(false);
        return hold;
      });
      await bench.clock.advance(8_900);
      expect(holder.held).toBe(true);
      await bench.clock.advance(2_000);

      await (await entered).release();
      await expect(holder.release()).rejects.toMatchObject({ reason: "expired" });
    });

    it("looks again by itself when a watch says nothing", async () => {
      bench.etcd.override("watch", () => ({ close() {} }));
      const waiting = (await bench.client()).acquire("jobs");
      await settle();
      await holder.release();
      await bench.clock.advance(5_000);

      await (await waiting).release();
    });
  });

  it("excludes an entry that another program made, and hands over when that goes", async () => {
    const foreign = bytesOf(`${one.keyOf("jobs")}/694d8f-anything`);
    const nobody = new Uint8Array();
    await bench.store.txn({
      success: [{ op: "put", request: { key: foreign, value: nobody } }],
    });
    await expect(one.acquire("jobs", { waitMs: 0 })).rejects.toMatchObject({
      holder: { nodeId: undefined, key: "microlock/jobs/694d8f-anything", expires: false },
      message: expect.stringContaining("delete it to free the lock"),
    });
    const waiting = one.acquire("jobs");
    await settle();
    await bench.store.txn({ success: [{ op: "deleteRange", request: { key: foreign } }] });

    await (await waiting).release();
  });
});
