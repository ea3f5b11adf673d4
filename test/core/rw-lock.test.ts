import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import type { RwLock, WriteHold } from "../../src/core/rw-lock.ts";
import { LockLostError, StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

/** Whether a promise has settled by now. */
function seen<T>(promise: Promise<T>): { done: boolean } {
  const state = { done: false };
  const note = (): void => {
    state.done = true;
  };
  promise.then(note, note);
  return state;
}

describe("RwLock", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let here: RwLock;
  let there: RwLock;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
    here = one.rwLock("catalogue");
    there = two.rwLock("catalogue");
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    bench.etcd.override("watch", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("has readers hold together, each in one round trip", async () => {
    const readers = [await here.read.acquire(), await there.read.acquire()];
    readers.push(await here.read.acquire());

    expect(bench.etcd.calls.txn).toBe(3);
    expect(readers.map(({ held, mode }) => [held, mode])).toEqual(Array(3).fill([true, "read"]));
    for (const reader of readers) await reader.release();
  });

  it("has a writer hold alone", async () => {
    const writer = await here.write.acquire();
    expect(writer.mode).toBe("write");
    const waiting: Promise<Hold>[] = [];
    for (const lock of [there.read, there.write, here.read]) {
      waiting.push(lock.acquire());
      await settle();
    }
    const states = waiting.map(seen);
    await bench.clock.advance(20_000);

    expect(states.map(({ done }) => done)).toEqual([false, false, false]);
    await writer.release();
    for (const next of waiting) await (await next).release();
  });

  it("lets all in in the order in which they asked, readers in a row together", async () => {
    const groups: string[][] = [];
    let inside = 0;
    const first = await one.acquire("catalogue");
    const asks = ["r1", "r2", "w3", "r4", "r5", "r6", "w7", "w8", "r9"];
    const runs: Promise<void>[] = [];
    for (const [index, ask] of asks.entries()) {
      const lock = index % 2 ? here : there;
      const work = async (): Promise<void> => {
        if (inside === 0) groups.push([]);
        groups.at(-1)?.push(ask);
        inside += 1;
        await new Promise<void>((resolve) => bench.clock.setTimer(10, resolve));
        inside -= 1;
      };
      runs.push(ask.startsWith("r") ? lock.read.run(work) : lock.write.run(work));
      await settle();
    }
    await first.release();
    await bench.clock.advance(1_000);
    await Promise.all(runs);

    expect(groups.map((group) => group.sort())).toEqual([
      ["r1", "r2"],
      ["w3"],
      ["r4", "r5", "r6"],
      ["w7"],
      ["w8"],
      ["r9"],
    ]);
  });

  it("has later readers wait behind a writer that waits", async () => {
    const reader = await here.read.acquire();
    const writing = there.write.acquire();
    await settle();
    const late = here.read.acquire();
    const state = seen(late);
    await bench.clock.advance(20_000);

    expect(state.done).toBe(false);
    expect(await here.read.tryAcquire()).toBeUndefined();
    await reader.release();
    const writer = await writing;
    await settle();
    expect(state.done).toBe(false);
    await writer.release();
    await (await late).release();
  });

  it("lets readers in at once when the writer ahead of them gives up", async () => {
    const reader = await here.read.acquire();
    const controller = new AbortController();
    const writing = there.write.acquire({ signal: controller.signal }).catch(() => {});
    await settle();
    const late = [here.read.acquire(), there.read.acquire()];
    await settle();
    controller.abort();
    await writing;

    for (const next of late) await (await next).release();
    await reader.release();
  });

  it("has a writer wait for the last of several readers", async () => {
    const readers = await Promise.all([here.read.acquire(), there.read.acquire()]);
    const writing = here.write.acquire();
    const state = seen(writing);
    await settle();
    await readers[1]?.release();
    await settle();

    expect(state.done).toBe(false);
    await readers[0]?.release();
    await (await writing).release();
  });

  it("has a writer and a plain lock of the same name exclude each other", async () => {
    const plain = await one.acquire("catalogue");
    expect(await there.write.tryAcquire()).toBeUndefined();
    const writing = there.write.acquire();
    await settle();
    await plain.release();
    const writer = await writing;
    expect(await one.tryAcquire("catalogue")).toBeUndefined();

    await writer.release();
    await (await one.acquire("catalogue")).release();
  });

  it("has readers and a plain lock of the same name exclude each other", async () => {
    const reader = await here.read.acquire();
    const waiting = two.acquire("catalogue");
    await settle();
    const late = here.read.acquire();
    const states = [seen(waiting), seen(late)];
    await settle();
    expect(states.map(({ done }) => done)).toEqual([false, false]);
    expect(await two.tryAcquire("catalogue")).toBeUndefined();

    await reader.release();
    const plain = await waiting;
    await settle();
    expect(states[1]?.done).toBe(false);
    await plain.release();
    await (await late).release();
  });

  describe("with entries that other programs made", () => {
    const key = (suffix: string): string => `${one.keyOf("catalogue")}/${suffix}`;

    it.each(["694d8f1b2c3d4e5f", "write/1733000000000000000", "elect/1-1", "no idea", "zzz/1"])(
      "has a reader wait for %j",
      async (suffix) => {
        await putKey(bench.store, key(suffix));
        expect(await here.read.tryAcquire()).toBeUndefined();
        const reading = here.read.acquire();
        const state = seen(reading);
        await bench.clock.advance(20_000);
        expect(state.done).toBe(false);

        await deleteKey(bench.store, key(suffix));
        await (await reading).release();
      },
    );

    it("reads along with a reader of Go's, and has a writer wait for it", async () => {
      await putKey(bench.store, key("read/1733000000000000000"));
      const reader = await here.read.acquire();
      const other = await there.read.tryAcquire();
      const writing = there.write.acquire();
      const state = seen(writing);
      await reader.release();
      await other?.release();
      await bench.clock.advance(20_000);

      expect(state.done).toBe(false);
      await deleteKey(bench.store, key("read/1733000000000000000"));
      await (await writing).release();
    });
  });

  describe("tryAcquire", () => {
    it("takes one round trip when nobody is in the way, whether or not others read", async () => {
      const writer = await here.write.tryAcquire();
      await writer?.release();
      const readers = [await here.read.tryAcquire(), await there.read.tryAcquire()];

      expect(writer).toBeDefined();
      expect(readers.map((reader) => reader?.held)).toEqual([true, true]);
      expect(bench.etcd.calls.txn).toBe(4);
      for (const reader of readers) await reader?.release();
    });

    it("takes one round trip when somebody is in the way, and leaves nothing", async () => {
      const reader = await here.read.acquire();
      bench.etcd.forget();
      expect(await there.write.tryAcquire()).toBeUndefined();
      expect(bench.etcd.calls.txn).toBe(1);
      await reader.release();
      const writer = await here.write.acquire();
      bench.etcd.forget();
      expect(await there.read.tryAcquire()).toBeUndefined();
      expect(await there.write.tryAcquire()).toBeUndefined();

      expect(bench.etcd.calls.txn).toBe(2);
      expect(await bench.keys()).toEqual([writer.key]);
      await writer.release();
    });

    it("does not overtake a writer that waits behind a downgraded one", async () => {
      const writer = await here.write.acquire();
      await writer.downgrade();
      const waiting = there.write.acquire();
      await settle();

      expect(await here.read.tryAcquire()).toBeUndefined();
      await writer.release();
      await (await waiting).release();
    });

    it("does not let a writer slip in between its look and its joining", async () => {
      const downgraded = await (await here.write.acquire()).downgrade();
      let slipped: Promise<Hold> | undefined;
      bench.etcd.override("txn", async (request, options) => {
        const answer = await bench.store.txn(request, options);
        if (!slipped) {
          slipped = one.acquire("catalogue");
          await settle();
        }
        return answer;
      });

      expect(await there.read.tryAcquire()).toBeUndefined();
      await downgraded.release();
      await (await slipped)?.release();
    });
  });

  describe("a downgraded writer", () => {
    let writer: WriteHold;

    beforeEach(async () => {
      writer = await here.write.acquire({ reason: "rebuild" });
    });

    afterEach(async () => {
      await writer.release().catch(() => {});
    });

    it("keeps its key, its token and its reason", async () => {
      const { key, fencingToken } = writer;
      expect(await writer.downgrade()).toBe(writer);

      expect(writer).toMatchObject({ key, fencingToken, held: true, mode: "read" });
      await writer.verify();
      const { holders } = await two.inspect("catalogue");
      expect(holders).toMatchObject([{ key, fencingToken, reason: "rebuild", nodeId: "one" }]);
    });

    it.each([
      ["of the same client", () => here],
      ["of another client", () => there],
    ])("lets readers in at once that wait, %s, but no writer in between", async (_, lock) => {
      const reading = [lock().read.acquire(), lock().read.acquire()];
      await settle();
      const writing = there.write.acquire();
      const late = here.read.acquire();
      const states = [seen(writing), seen(late)];
      await settle();
      await writer.downgrade();
      const readers = await Promise.all(reading);
      await settle();

      expect(states.map(({ done }) => done)).toEqual([false, false]);
      expect([writer, ...readers].every(({ held }) => held)).toBe(true);
      for (const reader of readers) await reader.release();
      await settle();
      expect(states[0]?.done).toBe(false);
      await writer.release();
      await (await writing).release();
      await (await late).release();
    });

    it("lets readers of its own client in at once also when the watch says nothing", async () => {
      bench.etcd.override("watch", () => ({ close() {} }));
      const deaf = (await bench.client()).rwLock("atlas");
      const held = await deaf.write.acquire();
      const reading = deaf.read.acquire();
      await settle();
      await held.downgrade();

      await (await reading).release();
      await held.release();
    });

    it("does not let in a reader behind a writer that waited before", async () => {
      const writing = there.write.acquire();
      await settle();
      const reading = there.read.acquire();
      const states = [seen(writing), seen(reading)];
      await settle();
      await writer.downgrade();
      await bench.clock.advance(20_000);

      expect(states.map(({ done }) => done)).toEqual([false, false]);
      await writer.release();
      await (await writing).release();
      await (await reading).release();
    });

    it("lets in a reader whose joining was under way meanwhile", async () => {
      let answer = (): void => {};
      bench.etcd.override("txn", async (request, options) => {
        const result = await bench.store.txn(request, options);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return result;
      });
      const reading = here.read.acquire();
      await settle();
      bench.etcd.override("txn", undefined);
      await writer.downgrade();
      answer();

      await (await reading).release();
    });

    it("lets later readers in, also those who only try: with two round trips", async () => {
      await writer.downgrade();
      bench.etcd.forget();
      const tried = await there.read.tryAcquire();
      expect(bench.etcd.calls.txn).toBe(2);
      const reader = await there.read.acquire({ waitMs: 0 });

      expect(tried?.held).toBe(true);
      expect(await there.write.tryAcquire()).toBeUndefined();
      await tried?.release();
      await reader.release();
    });

    it("is the same when it is downgraded twice", async () => {
      await writer.downgrade();
      const before = await bench.keys();
      bench.etcd.forget();
      await writer.downgrade();

      expect(bench.etcd.calls.txn).toBe(0);
      expect(await bench.keys()).toEqual(before);
      expect(writer.mode).toBe("read");
    });

    it("rejects when it is lost or released", async () => {
      await deleteKey(bench.store, writer.key);
      await expect(writer.downgrade()).rejects.toThrow(LockLostError);
      await expect(writer.downgrade()).rejects.toMatchObject({ reason: "deleted" });
      const next = await there.write.acquire();
      await next.release();
      await expect(next.downgrade()).rejects.toMatchObject({ reason: "released" });
      expect(await bench.keys()).toEqual([]);
    });

    it("rejects when it was downgraded before and is lost now", async () => {
      await writer.downgrade();
      await deleteKey(bench.store, writer.key);
      await bench.clock.advance(30);

      await expect(writer.downgrade()).rejects.toMatchObject({ reason: "deleted" });
    });

    it("is downgraded once when the answer gets lost", async () => {
      let lost = false;
      bench.etcd.override("txn", async (request, options) => {
        const answer = await bench.store.txn(request, options);
        if (lost) return answer;
        lost = true;
        throw new StoreUnavailableError("lost");
      });
      const downgrading = writer.downgrade();
      await bench.clock.advance(200);
      await downgrading;

      const reader = await there.read.tryAcquire();
      expect(reader?.held).toBe(true);
      await reader?.release();
    });
  });
});
