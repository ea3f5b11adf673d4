import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Holder } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("the position of a waiter", () => {
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

  /** What an `onWait` was told. */
  function told(): {
    story: string[];
    onWait: (position: number, holder: Holder | undefined) => void;
  } {
    const story: string[] = [];
    return {
      story,
      onWait: (position, holder) => story.push(`${position} behind ${holder?.nodeId ?? "?"}`),
    };
  }

  it("is told at first, and whenever it or the holder changes", async () => {
    const first = await one.acquire("jobs");
    const second = two.acquire("jobs");
    await settle();
    const { story, onWait } = told();
    const third = one.acquire("jobs", { onWait });
    await settle();
    const behind = two.acquire("jobs");
    await settle();
    expect(story).toEqual(["2 behind one"]);
    await first.release();
    await settle();
    await (await second).release();
    await (await third).release();
    await (await behind).release();

    expect(story).toEqual(["2 behind one", "1 behind two"]);
  });

  it("is told when somebody in between gives up", async () => {
    const holder = await one.acquire("jobs");
    const between = two.acquire("jobs", { waitMs: 100 }).catch(() => {});
    await settle();
    const { story, onWait } = told();
    const waiting = one.acquire("jobs", { onWait });
    await bench.clock.advance(100);
    await between;
    expect(story).toEqual(["2 behind one", "1 behind one"]);
    await holder.release();
    await (await waiting).release();
  });

  it("is not told to those who need not wait", async () => {
    const { story, onWait } = told();
    bench.etcd.forget();
    await (await one.acquire("jobs", { onWait })).release();
    await (await one.acquire("jobs", { onWait, waitMs: 0 })).release();
    expect(story).toEqual([]);
    expect(bench.etcd.calls).toMatchObject({ txn: 4, watch: 0 });
  });

  it("counts waiters alone, however many hold", async () => {
    const holds = [await one.semaphore("jobs", 3).acquire({ permits: 2 })];
    holds.push(await two.semaphore("jobs", 3).acquire());
    const { story, onWait } = told();
    const large = two.semaphore("jobs", 3).acquire({ permits: 3, onWait });
    await settle();
    const small = told();
    const last = one.semaphore("jobs", 3).run({ onWait: small.onWait }, () => {});
    await settle();
    expect(story).toEqual(["1 behind one"]);
    expect(small.story).toEqual(["2 behind one"]);
    await holds[0]?.release();
    await settle();
    expect(story).toEqual(["1 behind one", "1 behind two"]);
    await holds[1]?.release();
    await (await large).release();
    await last;
  });

  it("is told for each of several names that it waits for, in turn", async () => {
    const holds = [await one.acquire("a"), await two.acquire("b")];
    const { story, onWait } = told();
    const waiting = two.acquire(["a", "b"], { onWait });
    await settle();
    await holds[0]?.release();
    await settle();
    await holds[1]?.release();
    await (await waiting).release();
    expect(story).toEqual(["1 behind one", "1 behind two"]);
  });

  it("ends the wait with what the one who is told throws, and leaves nothing", async () => {
    const holder = await one.acquire("jobs");
    const waiting = two.acquire("jobs", {
      onWait(position) {
        throw new Error(`${position} is too far`);
      },
    });
    await expect(waiting).rejects.toThrow("1 is too far");
    expect(await bench.keys()).toEqual([holder.key]);
    await holder.release();
  });

  it("is told no more once the wait is over", async () => {
    const holder = await one.acquire("jobs");
    const { story, onWait } = told();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = two.acquire("jobs", { onWait, signal }).catch(() => {});
    await settle();
    controller.abort();
    await waiting;
    await holder.release();
    await one.run("jobs", () => {});
    await settle();
    expect(story).toEqual(["1 behind one"]);
  });

  it("is told to a hundred who share one view of the queue", async () => {
    const holder = await one.acquire("jobs");
    await bench.clock.advance(30);
    const watches = bench.etcd.openWatches;
    const timers = bench.clock.timerCount;
    bench.etcd.forget();
    const stories = Array.from({ length: 100 }, told);
    const waiting = stories.map(({ onWait }) => two.run("jobs", { onWait }, () => {}));
    await settle();
    await settle();

    // One for the turns of all, one for the positions of all.
    expect(bench.etcd.openWatches).toBe(watches + 2);
    expect(bench.etcd.calls.watch).toBe(2);
    expect(bench.etcd.calls.txn).toBe(101);
    expect(bench.clock.timerCount).toBe(timers + 1);
    expect(stories.map(({ story }) => story.at(-1))).toEqual(
      stories.map((_, index) => `${index + 1} behind one`),
    );
    await holder.release();
    await Promise.all(waiting);
    await settle();
    expect(bench.etcd.openWatches).toBe(2);
    expect(stories[99]?.story).toHaveLength(100);
  });

  describe("when the time is up", () => {
    it("is in the error, and so are who holds and how many wait", async () => {
      const holder = await one.acquire("jobs");
      const before = two.acquire("jobs");
      await settle();
      const late = two.acquire("jobs", { waitMs: 100 }).catch((error) => error);
      await settle();
      const behind = one.acquire("jobs");
      await bench.clock.advance(100);
      expect(await late).toMatchObject({ position: 2, waiters: 2, holder: { nodeId: "one" } });
      await expect(two.acquire("jobs", { waitMs: 0 })).rejects.toMatchObject({
        position: undefined,
        waiters: 2,
      });
      await holder.release();
      await (await before).release();
      await (await behind).release();
    });

    it("counts waiters alone, however many hold", async () => {
      const holds = [await one.semaphore("jobs", 2).acquire()];
      holds.push(await two.semaphore("jobs", 2).acquire());
      const late = two
        .semaphore("jobs", 2)
        .acquire({ waitMs: 100 })
        .catch((error) => error);
      await bench.clock.advance(100);
      expect(await late).toMatchObject({ position: 1 });
      for (const hold of holds) await hold.release();
    });

    it("counts a writer that became a reader, and those who read with it, among the holders", async () => {
      const writer = await one.rwLock("jobs").write.acquire();
      await writer.downgrade();
      const reader = await two.rwLock("jobs").read.acquire();
      const late = two
        .rwLock("jobs")
        .write.acquire({ waitMs: 100 })
        .catch((error) => error);
      await bench.clock.advance(100);
      expect(await late).toMatchObject({ position: 1 });
      await writer.release();
      await reader.release();
    });
  });

  it("stops being told when the place is lost", async () => {
    const holder = await one.acquire("jobs");
    const { story, onWait } = told();
    const waiting = two.acquire("jobs", { onWait }).catch((error) => error);
    await settle();
    const [, key = ""] = await bench.keys();
    await deleteKey(bench.store, (await bench.keys()).find((each) => each !== holder.key) ?? key);
    await bench.clock.advance(5);
    expect(await waiting).toMatchObject({ code: "PLACE_LOST" });
    expect(story).toEqual(["1 behind one"]);
    await holder.release();
  });
});
