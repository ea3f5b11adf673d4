import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WatchObserver } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { settle } from "../support/simulated-clock.ts";

// The clock stands still in all of these: nobody is helped by looking again from time to time.
describe("Queue", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client();
    two = await bench.client();
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    bench.etcd.override("watch", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("has a waiter look when the watch came to stand only after the removal", async () => {
    const stand: (() => void)[] = [];
    bench.etcd.override("watch", (request, observer) => {
      const late: WatchObserver = {
        ...observer,
        onEvents: (events) => observer.onEvents(events),
        onEnd: (error) => observer.onEnd(error),
        onCreated: (revision) => stand.push(() => observer.onCreated?.(revision + 1n)),
      };
      return bench.store.watch({ ...request, startRevision: 1_000n }, late);
    });
    const holder = await one.acquire("jobs");
    const waiting = two.acquire("jobs");
    await settle();
    await holder.release();
    await settle();
    for (const tell of stand) tell();

    await (await waiting).release();
  });

  it("has a waiter look whose way became free while the answer to its joining was under way", async () => {
    const three = await bench.client();
    const holder = await one.acquire("jobs");
    const controller = new AbortController();
    const before = two.acquire("jobs", { signal: controller.signal }).catch(() => {});
    await settle();
    const between = three.acquire("jobs");
    await settle();

    let answer = (): void => {};
    bench.etcd.override("txn", async (request, options) => {
      const result = await bench.store.txn(request, options);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return result;
    });
    const waiting = two.acquire("jobs");
    await settle();
    bench.etcd.override("txn", undefined);
    controller.abort();
    await before;
    await holder.release();
    await (await between).release();
    await settle();
    answer();

    await (await waiting).release();
  });

  it("asks etcd once for each hand-over, however many wait in one process", async () => {
    const holder = await one.acquire("jobs");
    const held: number[] = [];
    const waiting = Array.from({ length: 50 }, async (_, index) => {
      const hold = await two.acquire("jobs");
      held.push(index);
      await hold.release();
    });
    await settle();
    await settle();
    bench.etcd.forget();
    await holder.release();
    await Promise.all(waiting);

    expect(held).toEqual(Array.from({ length: 50 }, (_, index) => index));
    // The first of the fifty hears of it by the watch, and looks.
    expect(bench.etcd.calls.txn).toBe(1 + 1 + 50);
    expect(bench.etcd.openWatches).toBe(2);
  });

  it("keeps one watch for a name, and ends it with the last place", async () => {
    const holder = await one.acquire("jobs");
    const waiting = [two.acquire("jobs"), two.acquire("jobs"), two.acquire("jobs")];
    await settle();
    expect(bench.etcd.calls.watch).toBe(1);
    expect(bench.etcd.openWatches).toBe(3);

    await holder.release();
    for (const next of waiting) await (await next).release();
    // Those of the two sessions are left.
    expect(bench.etcd.openWatches).toBe(2);
  });

  it("opens no watch for a hold that is short", async () => {
    bench.etcd.forget();
    for (let round = 0; round < 5; round++) await one.run("jobs", () => settle());
    expect(bench.etcd.calls.watch).toBe(0);
    const hold = await one.acquire("jobs");
    await bench.clock.advance(20);
    expect(bench.etcd.calls.watch).toBe(1);
    await hold.release();
  });

  it("wakes only the first at a semaphore, and the next one once that is in", async () => {
    const holders = [];
    for (let index = 0; index < 10; index++) {
      holders.push(await one.semaphore("ten", 10).acquire());
    }
    let entered = 0;
    const waiting = Array.from({ length: 50 }, async () => {
      const hold = await two.semaphore("ten", 10).acquire();
      entered += 1;
      return hold;
    });
    for (let turn = 0; turn < 50; turn++) await settle();
    bench.etcd.forget();
    await holders.pop()?.release();
    await settle();

    expect(entered).toBe(1);
    // The release, the look of the first, and that of the one behind it.
    expect(bench.etcd.calls.txn).toBe(3);
    for (const holder of holders) await holder.release();
    for (const asking of waiting) await (await asking).release();
    expect(entered).toBe(50);
  });
});
