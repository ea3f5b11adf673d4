import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import { bytesOf } from "../../src/core/keys.ts";
import { LockLostError, StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd, TxnRequest } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { allKeys, deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("Hold", () => {
  let bench: Bench;
  let locks: Locks;
  let hold: Hold;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client();
    hold = await locks.acquire("jobs");
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const noAnswer: Etcd["txn"] = async (_request, { timeoutMs = 0 } = {}) => {
    await new Promise<void>((resolve) => bench.clock.setTimer(timeoutMs, resolve));
    throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
  };

  it("is held until it is released", async () => {
    expect(hold).toMatchObject({ name: "jobs", held: true });
    expect(hold.signal.aborted).toBe(false);
    hold.assertHeld();
    await hold.release();

    expect(hold.held).toBe(false);
    expect(hold.signal.aborted).toBe(false);
    expect(() => hold.assertHeld()).toThrow(LockLostError);
    await expect(hold.put("x", "y")).rejects.toMatchObject({ reason: "released" });
  });

  it("is not held any more from the moment of the call to release", async () => {
    const released = hold.release();
    expect(hold.held).toBe(false);
    await released;
  });

  it("is released once, however often it is asked", async () => {
    bench.etcd.forget();
    await Promise.all([hold.release(), hold.release()]);
    await hold.release();
    await hold[Symbol.asyncDispose]();
    expect(bench.etcd.calls.txn).toBe(1);
  });

  it("survives for as long as the lease is renewed", async () => {
    await bench.clock.advance(60_000);
    expect(hold.held).toBe(true);
    await hold.verify();
    await hold.release();
  });

  it("knows of its end as soon as it is asked, after a pause in which no timer could fire", async () => {
    const { signal } = hold;
    bench.clock.jump(9_000);

    expect(hold.held).toBe(false);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "stalled", key: "jobs" });
    await expect(hold.release()).rejects.toBeInstanceOf(LockLostError);
    await expect(hold.put("written", "late")).rejects.toBeInstanceOf(LockLostError);
    expect(await allKeys(bench.store)).not.toContain("written");
  });

  it("aborts its signal when its key is deleted, without being asked", async () => {
    await bench.clock.advance(20);
    await deleteKey(bench.store, hold.key);
    await settle();
    expect(hold.held).toBe(false);
    const { signal } = hold;
    await bench.clock.advance(1);

    expect(signal.reason).toMatchObject({ reason: "deleted" });
    await expect(hold.release()).rejects.toMatchObject({ code: "LOCK_LOST", reason: "deleted" });
  });

  it("hears of a removal that came before it began to watch", async () => {
    let told: unknown;
    hold.signal.addEventListener("abort", () => {
      told = hold.signal.reason;
    });
    await deleteKey(bench.store, hold.key);
    await bench.clock.advance(20);
    expect(told).toMatchObject({ reason: "deleted" });
  });

  it("says so when the lease was revoked", async () => {
    const [lease = ""] = hold.key.split("/").slice(-1)[0]?.split("-") ?? [];
    await bench.clock.advance(20);
    await bench.store.leaseRevoke(BigInt(`0x${lease}`));
    await bench.clock.advance(1);

    expect(hold.signal.reason).toMatchObject({ reason: "revoked" });
    const next = await locks.acquire("jobs");
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    expect(hold.held).toBe(false);
    await next.release();
  });

  it("is lost when its key is overwritten without its lease", async () => {
    await bench.clock.advance(20);
    const key = bytesOf(hold.key);
    const value = bytesOf("mine");
    await bench.store.txn({ success: [{ op: "put", request: { key, value } }] });
    await settle();

    expect(hold.signal.reason).toMatchObject({ reason: "overwritten" });
    await deleteKey(bench.store, hold.key);
  });

  it("finds out by a release that it was lost", async () => {
    await deleteKey(bench.store, hold.key);
    await expect(hold.release()).rejects.toMatchObject({ code: "LOCK_LOST", reason: "deleted" });
    await expect(hold.release()).rejects.toMatchObject({ code: "LOCK_LOST" });
  });

  it("writes and deletes while the lock is ours", async () => {
    await hold.put("report", "done");
    expect(await allKeys(bench.store)).toContain("report");
    await hold.delete("report");
    expect(await allKeys(bench.store)).not.toContain("report");
    await hold.release();
  });

  it("writes nothing once its key is gone, though it has not heard of it yet", async () => {
    await deleteKey(bench.store, hold.key);
    const writing = hold.put("report", "done");

    await expect(writing).rejects.toMatchObject({ code: "LOCK_LOST", reason: "deleted" });
    expect(await allKeys(bench.store)).not.toContain("report");
  });

  it("writes nothing after its release, and says so also when the session is gone by then", async () => {
    let arrive = (): void => {};
    const arrival = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    bench.etcd.override("txn", (request, options) =>
      arrival.then(() => bench.store.txn(request, options)),
    );
    const late = hold.put("written", "late").catch((error: unknown) => error);
    await settle();
    bench.etcd.override("txn", undefined);

    await hold.release();
    const [, lease = ""] = /\/([0-9a-f]+)-/.exec(hold.key) ?? [];
    await bench.store.leaseRevoke(BigInt(`0x${lease}`));
    arrive();

    expect(await late).toMatchObject({ code: "LOCK_LOST", reason: "released" });
    expect(await allKeys(bench.store)).not.toContain("written");
  });

  it("finds out by verify that its key is gone", async () => {
    await deleteKey(bench.store, hold.key);
    await expect(hold.verify()).rejects.toMatchObject({ code: "LOCK_LOST", reason: "deleted" });
    expect(hold.signal.aborted).toBe(true);
  });

  it("refuses wrong arguments before anything is sent", async () => {
    bench.etcd.forget();
    await expect(hold.put("", "x")).rejects.toMatchObject({ code: "INVALID_OPTION" });
    await expect(hold.put("k", 5 as never)).rejects.toMatchObject({ option: "value" });
    await expect(hold.put("k", "\ud800")).rejects.toMatchObject({ option: "value" });
    await expect(hold.delete(7 as never)).rejects.toMatchObject({ option: "key" });
    await expect(hold.verify({ timeoutMs: -1 })).rejects.toMatchObject({ option: "timeoutMs" });
    expect(bench.etcd.calls.txn).toBe(0);
    await hold.release();
  });

  describe("whose release gets no answer", () => {
    it("asks again, and takes its own removal for what it is", async () => {
      let lost = 0;
      bench.etcd.override("txn", async (request, options) => {
        const answer = await bench.store.txn(request, options);
        if (deletes(request) && lost++ === 0) return noAnswer(request, options);
        return answer;
      });
      const released = hold.release();
      await bench.clock.advance(3_000);
      await released;
      expect(lost).toBeGreaterThan(0);
    });

    it("rejects in the end, and goes on in the background", async () => {
      bench.etcd.override("txn", noAnswer);
      const released = hold.release().catch((error) => error);
      await bench.clock.advance(6_000);
      expect(await released).toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(await bench.keys()).toEqual([hold.key]);

      bench.etcd.override("txn", undefined);
      await bench.clock.advance(6_000);
      expect(await bench.keys()).toEqual([]);
    });
  });

  function deletes(request: TxnRequest): boolean {
    return (request.success ?? []).some(({ op }) => op === "deleteRange");
  }
});
