import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import { LockLostError, RevokedError, StoreUnavailableError } from "../../src/errors.ts";
import type { TxnRequest, WatchObserver } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { allKeys, deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

const why = { reason: "hangs since 3 o'clock", by: "Ada" };

describe("forceRelease", () => {
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
    bench.etcd.override("watch", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const requests = async (): Promise<string[]> =>
    (await allKeys(bench.store)).filter((key) => key.includes("/revoke/"));

  it("aborts the holder's signal at once, and says who and why", async () => {
    const hold = await one.acquire("jobs");
    const { signal } = hold;
    const forcing = two.forceRelease("jobs", why);
    await settle();

    expect(hold.held).toBe(false);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "revoked", key: "jobs" });
    expect(signal.reason.cause).toBeInstanceOf(RevokedError);
    expect(signal.reason.cause).toMatchObject({
      code: "REVOKED",
      ...why,
      message: "Revoked by Ada: hangs since 3 o'clock",
    });
    await expect(hold.put("data", "x")).rejects.toMatchObject({ reason: "revoked" });
    await bench.clock.advance(1_000);
    expect(await forcing).toMatchObject([{ nodeId: "one", fencingToken: hold.fencingToken }]);
    await expect(hold.release()).rejects.toMatchObject({ reason: "revoked" });
  });

  it("names the client where nobody else is named", async () => {
    const hold = await one.acquire("jobs");
    const forcing = two.forceRelease("jobs", { reason: "test", graceMs: 0 });
    await settle();
    expect(hold.signal.reason.cause).toMatchObject({ by: "two", reason: "test" });
    await bench.clock.advance(0);
    await forcing;
  });

  it("lets nobody in before the grace is over, and a waiter right after", async () => {
    await one.acquire("jobs");
    let entered = false;
    const waiting = two.acquire("jobs").then((hold) => {
      entered = true;
      return hold;
    });
    const forcing = two.forceRelease("jobs", { ...why, graceMs: 3_000 });
    await bench.clock.advance(2_999);
    expect(entered).toBe(false);
    await bench.clock.advance(1);

    expect(entered).toBe(true);
    await forcing;
    await (await waiting).release();
    expect(await requests()).toEqual([]);
  });

  it("waits no longer than until the holder has released", async () => {
    const running = one.run("jobs", async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await new Promise<void>((resolve) => bench.clock.setTimer(200, resolve));
      return "tidied up";
    });
    await settle();
    const waiting = two.acquire("jobs");
    const forcing = two.forceRelease("jobs", { ...why, graceMs: 60_000 });
    running.catch(() => {});
    await bench.clock.advance(200);

    await forcing;
    await (await waiting).release();
    await expect(running).rejects.toMatchObject({ reason: "revoked", result: "tidied up" });
  });

  it("waits for the holder for as long as it takes with an infinite grace", async () => {
    const hold = await one.acquire("jobs");
    let done = false;
    const forcing = two.forceRelease("jobs", { ...why, graceMs: Number.POSITIVE_INFINITY });
    void forcing.then(() => {
      done = true;
    });
    await bench.clock.advance(100_000);
    expect(hold.held).toBe(false);
    expect(done).toBe(false);
    expect(await bench.keys()).toEqual([hold.key]);

    await hold.release().catch(() => {});
    await forcing;
    expect(await bench.keys()).toEqual([]);
  });

  it("takes the lock from a holder whose work hangs, and from a process that hears nothing", async () => {
    void one.run("jobs", () => new Promise(() => {})).catch(() => {});
    await settle();
    const forcing = two.forceRelease("jobs", why);
    await bench.clock.advance(1_000);
    await forcing;
    await (await two.acquire("jobs", { waitMs: 0 })).release();

    await putKey(bench.store, "microlock/jobs/694d8f");
    const foreign = two.forceRelease("jobs", why);
    await bench.clock.advance(999);
    expect(await bench.keys()).toEqual(["microlock/jobs/694d8f"]);
    // Whoever hears nothing is told nothing: it would stay there if we died now.
    expect(await requests()).toEqual([]);
    await bench.clock.advance(1);
    expect(await foreign).toMatchObject([{ key: "microlock/jobs/694d8f", expires: false }]);
    expect(await bench.keys()).toEqual([]);
    const closing = one.close();
    await bench.clock.advance(9_000);
    await closing;
  });

  it("takes the lock by the holder's own timer when who told it has died", async () => {
    const hold = await one.acquire("jobs");
    const forcing = two.forceRelease("jobs", { ...why, graceMs: 2_000 }).catch((error) => error);
    await settle();
    await two.close();
    expect(await forcing).toMatchObject({ code: "CLOSED" });
    await bench.clock.advance(1_999);
    expect(await bench.keys()).toEqual([hold.key]);
    await bench.clock.advance(1);
    expect(await bench.keys()).toEqual([]);
  });

  it("never hits a later holder, whenever that comes", async () => {
    // The first request looks who holds.
    for (let at = 2; at < 12; at++) {
      const first = await one.acquire("jobs");
      const waiting = one.acquire("jobs");
      await settle();
      let count = 0;
      bench.etcd.override("txn", async (request, options) => {
        count += 1;
        if (count === at) {
          await bench.store.txn({
            success: [{ op: "deleteRange", request: { key: Buffer.from(first.key) } }],
          });
        }
        return bench.store.txn(request, options);
      });
      const forcing = two.forceRelease("jobs", { ...why, graceMs: 50 });
      await bench.clock.advance(50);
      await forcing;
      bench.etcd.override("txn", undefined);
      const next = await waiting;
      await bench.clock.advance(100);
      expect(next.held).toBe(true);
      await next.verify();
      await next.release();
      await first.release().catch(() => {});
      await settle();
      expect(await requests()).toEqual([]);
    }
  });

  it("does not hit a key that was put anew under the same name", async () => {
    await putKey(bench.store, "microlock/jobs/694d8f");
    const forcing = two.forceRelease("jobs", why);
    await settle();
    await deleteKey(bench.store, "microlock/jobs/694d8f");
    await putKey(bench.store, "microlock/jobs/694d8f");
    // The one that was meant is gone already.
    await settle();
    await forcing;
    expect(await bench.keys()).toEqual(["microlock/jobs/694d8f"]);
    await deleteKey(bench.store, "microlock/jobs/694d8f");
  });

  it("does not wait for a key that was put anew before it began to wait", async () => {
    const key = "microlock/jobs/694d8f";
    await putKey(bench.store, key);
    let count = 0;
    bench.etcd.override("txn", async (request, options) => {
      count += 1;
      if (count === 2) {
        await deleteKey(bench.store, key);
        await putKey(bench.store, key);
      }
      return bench.store.txn(request, options);
    });
    const forcing = two.forceRelease("jobs", { ...why, graceMs: 60_000 });
    await settle();
    await forcing;
    expect(await bench.keys()).toEqual([key]);
    await deleteKey(bench.store, key);
  });

  it("takes it from all who hold, but from no waiter", async () => {
    const { read } = one.rwLock("jobs");
    const holds = [await read.acquire(), await two.rwLock("jobs").read.acquire()];
    const waiting = one.acquire("jobs");
    await settle();
    const forcing = two.forceRelease("jobs", why);
    await bench.clock.advance(1_000);

    expect(await forcing).toHaveLength(2);
    expect(holds.map(({ held }) => held)).toEqual([false, false]);
    const next = await waiting;
    await bench.clock.advance(1_000);
    expect(next.held).toBe(true);
    await next.release();
  });

  it("takes it from the one with a token alone", async () => {
    const holds: Hold[] = [];
    for (const locks of [one, two, one]) holds.push(await locks.semaphore("jobs", 3).acquire());
    const forcing = two.forceRelease("jobs", { ...why, fencingToken: holds[1]?.fencingToken });
    await bench.clock.advance(1_000);

    expect(await forcing).toMatchObject([{ nodeId: "two" }]);
    expect(holds.map(({ held }) => held)).toEqual([true, false, true]);
    expect(await two.forceRelease("jobs", { ...why, fencingToken: 1n })).toEqual([]);
    await holds[0]?.release();
    await holds[2]?.release();
  });

  it("takes all names of a hold of several, by one of them", async () => {
    const hold = await one.acquire(["a", "b"]);
    const waiting = two.acquire("a");
    const forcing = two.forceRelease("b", why);
    await settle();
    expect(hold.held).toBe(false);
    await bench.clock.advance(1_000);
    await forcing;
    await (await waiting).release();
    expect(await bench.keys()).toEqual([]);
  });

  it("ends a leadership, and who leads campaigns again", async () => {
    const terms: bigint[] = [];
    const controller = new AbortController();
    const leading = one.election("jobs").lead("me", { signal: controller.signal }, async (term) => {
      terms.push(term.fencingToken);
      await new Promise((resolve) => term.signal.addEventListener("abort", resolve));
    });
    await settle();
    await two.forceRelease("jobs", { ...why, graceMs: 60_000 });
    await settle();
    expect(terms).toHaveLength(2);
    controller.abort();
    await leading;
  });

  it("does nothing when nobody holds", async () => {
    bench.etcd.forget();
    expect(await two.forceRelease("jobs", why)).toEqual([]);
    expect(bench.etcd.calls).toMatchObject({ txn: 1, watch: 0 });
  });

  it("finds its hold revoked by a request that its session's watch has missed", async () => {
    const observers: WatchObserver[] = [];
    bench.etcd.override("watch", (request, observer) => {
      observers.push(observer);
      return bench.store.watch(request, { ...observer, onEvents() {}, onEnd() {} });
    });
    const deaf = await bench.client({ nodeId: "deaf" });
    const hold = await deaf.acquire("jobs");
    const forcing = two.forceRelease("jobs", { ...why, graceMs: 5_000 });
    await settle();
    expect(hold.held).toBe(true);
    for (const observer of observers) observer.onCreated?.(1_000n);
    await settle();

    expect(hold.held).toBe(false);
    expect(hold.signal.reason.cause).toMatchObject(why);
    await hold.release().catch(() => {});
    await bench.clock.advance(5_000);
    await forcing;
  });

  it("revokes a hold whose joining was answered only after it was told", async () => {
    let answer = (): void => {};
    bench.etcd.override("txn", async (request: TxnRequest, options) => {
      const response = await bench.store.txn(request, options);
      if (!request.success?.some(({ op }) => op === "put")) return response;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return response;
    });
    const asking = one.acquire("jobs").catch((error: unknown) => error);
    await settle();
    bench.etcd.override("txn", undefined);
    const forcing = two.forceRelease("jobs", { ...why, graceMs: 60_000 });
    await settle();
    answer();

    const hold = (await asking) as Hold;
    await settle();
    expect(hold.held ?? false).toBe(false);
    await hold.release?.().catch(() => {});
    await settle();
    expect(await bench.keys()).toEqual([]);
    await forcing;
  });

  describe("leaves no timer and no watch", () => {
    it("when its client is closed", async () => {
      const hold = await one.acquire("jobs");
      const forcing = two.forceRelease("jobs", { ...why, graceMs: 60_000 }).catch((error) => error);
      await settle();
      await two.close();
      expect(await forcing).toMatchObject({ code: "CLOSED" });
      await hold.release().catch(() => {});
    });

    it("when the client of the holder is closed", async () => {
      await one.acquire("jobs");
      const forcing = two.forceRelease("jobs", { ...why, graceMs: 60_000 });
      await settle();
      await one.close();
      await forcing;
    });

    it("when its signal aborts, after which the holder's own timer ends it", async () => {
      await one.acquire("jobs");
      const controller = new AbortController();
      const { signal } = controller;
      const forcing = two.forceRelease("jobs", { ...why, signal });
      await settle();
      controller.abort(new Error("enough"));
      await expect(forcing).rejects.toThrow("enough");
      await bench.clock.advance(1_000);
      expect(await bench.keys()).toEqual([]);
    });

    it("when etcd does not answer any more", async () => {
      const hold = await one.acquire("jobs");
      bench.etcd.override("txn", async () => {
        throw new StoreUnavailableError("no answer");
      });
      const forcing = two.forceRelease("jobs", why).catch((error) => error);
      await bench.clock.advance(6_000);
      expect(await forcing).toMatchObject({ code: "STORE_UNAVAILABLE" });
      bench.etcd.override("txn", undefined);
      expect(hold.held).toBe(true);
      await hold.release();
    });
  });

  it("refuses wrong options before anything is sent", async () => {
    bench.etcd.forget();
    for (const options of [
      undefined,
      {},
      { reason: "" },
      { reason: 5 },
      { ...why, by: "" },
      { ...why, graceMs: -1 },
      { ...why, graceMs: Number.NaN },
      { ...why, fencingToken: 5 },
      { ...why, fencingToken: "5" },
      { ...why, force: true },
      { ...why, signal: "now" },
    ]) {
      await expect(two.forceRelease("jobs", options as never)).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    }
    expect(bench.etcd.calls.txn).toBe(0);
  });
});
