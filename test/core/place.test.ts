import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../src/core/keys.ts";
import type { RequestOp, TxnRequest, TxnResponse } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { onAbort } from "../../src/signals.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("Place", () => {
  let bench: Bench;
  let locks: Locks;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client();
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("joins after the one that asked before it in this process, whatever the way takes", async () => {
    const holder = await locks.acquire("jobs");
    const slow: (() => void)[] = [];
    bench.etcd.override("txn", async (request, options) => {
      if (slow.length === 0) await new Promise<void>((resolve) => slow.push(resolve));
      return bench.store.txn(request, options);
    });
    const order: string[] = [];
    const asking = ["first", "second"].map(async (name) => {
      const hold = await locks.acquire("jobs");
      order.push(name);
      await hold.release();
    });
    await settle();
    slow[0]?.();
    await settle();
    await holder.release();
    await Promise.all(asking);

    expect(order).toEqual(["first", "second"]);
  });

  it("makes void a join that was under way when the wait was given up", async () => {
    const late: (() => Promise<TxnResponse>)[] = [];
    bench.etcd.override("txn", (request, { signal } = {}) => {
      if (late.length > 0) return bench.store.txn(request);
      late.push(() => bench.store.txn(request));
      return new Promise((_, reject) => {
        if (signal) onAbort(signal, () => reject(signal.reason));
      });
    });
    const controller = new AbortController();
    const asking = locks.acquire("jobs", { signal: controller.signal });
    await settle();
    controller.abort(new Error("never mind"));
    await expect(asking).rejects.toThrow("never mind");
    await settle();

    expect((await late[0]?.())?.succeeded).toBe(false);
    expect(await bench.keys()).toEqual([]);
  });

  it("is not released by us when somebody has put it on another lease", async () => {
    const hold = await locks.acquire("jobs");
    const value = bytesOf("mine now");
    const put: RequestOp = { op: "put", request: { key: bytesOf(hold.key), value } };
    await bench.store.txn({ success: [put] });

    await expect(hold.release()).rejects.toMatchObject({ reason: "overwritten" });
    expect(await bench.keys()).toEqual([hold.key]);
    await deleteKey(bench.store, hold.key);
  });

  it("lets only the whole cluster decide whose it is", async () => {
    const holder = await locks.acquire("jobs");
    const asked: TxnRequest[] = [];
    bench.etcd.override("txn", (request, options) => {
      asked.push(request);
      return bench.store.txn(request, options);
    });
    const other = locks.acquire("jobs");
    await settle();
    await bench.clock.advance(5_000); // it looks again
    await holder.verify();
    await holder.release();
    await (await other).release();

    // Etcd answers a transaction of reads from one member, which may be behind the others.
    const isRead = ({ success = [], failure = [] }: TxnRequest): boolean =>
      [...success, ...failure].every(({ op }) => op === "range");
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter(isRead)).toEqual([]);
  });

  it("is lost with its session when etcd comes back with an older state", async () => {
    const created: (() => void)[] = [];
    bench.etcd.override("watch", (request, observer) => {
      const watch = bench.store.watch(request, observer);
      created.push(() => observer.onCreated?.(1n));
      return watch;
    });
    const fresh = await bench.client();
    const hold = await fresh.acquire("jobs");
    bench.etcd.override("txn", async (request, options) => {
      const answer = await bench.store.txn(request, options);
      return { ...answer, header: { ...answer.header, revision: 1n } };
    });
    // The watch of the session was cut off, and stands again.
    created[0]?.();
    await settle();

    expect(hold.held).toBe(false);
    expect(hold.signal.reason).toMatchObject({
      reason: "rolled back",
      cause: { code: "STORE_ROLLED_BACK" },
    });
    bench.etcd.override("watch", undefined);
  });
});
