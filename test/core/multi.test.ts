import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AlreadyLockedError,
  InvalidOptionError,
  StoreUnavailableError,
  TooManyNamesError,
} from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { allKeys, deleteKey, entriesBelow, putKey } from "../support/keys.ts";
import { seededRandom } from "../support/seeded-random.ts";
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

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `name ${i}`);

describe("several locks at once", () => {
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

  it("are taken in one transaction, at one revision, and released in one", async () => {
    const hold = await one.acquire(["a", "b", "c"]);
    expect(bench.etcd.calls.txn).toBe(1);
    expect(hold).toMatchObject({ name: "a, b, c", names: ["a", "b", "c"], held: true });
    expect(hold.key).toBe(hold.keys[0]);
    expect(hold.keys.map((key) => key.split("/")[1])).toEqual(["a", "b", "c"]);
    for (const key of hold.keys) {
      const [entry] = await entriesBelow(bench.store, key);
      expect(entry?.createRevision).toBe(hold.fencingToken);
    }
    await hold.release();

    expect(bench.etcd.calls.txn).toBe(2);
    expect(await bench.keys()).toEqual([]);
  });

  it("count each name once", async () => {
    const hold = await one.acquire(["a", "b", "a", "b", "b"]);
    expect(hold.names).toEqual(["a", "b"]);
    expect(await bench.keys()).toHaveLength(2);
    await hold.release();
    await (await one.acquire(["a", "a"])).release();
  });

  it.each([[[]], [["a", ""]], [["a", 1]], [[undefined]], [{ 0: "a" }], [null]])(
    "can't be %j",
    async (wrong) => {
      await expect(one.acquire(wrong as string[])).rejects.toThrow(InvalidOptionError);
      await expect(one.tryAcquire(wrong as string[])).rejects.toThrow(InvalidOptionError);
      await expect(one.run(wrong as string[], () => {})).rejects.toThrow(InvalidOptionError);
    },
  );

  it("exclude each of them alone, and are all there or none", async () => {
    const hold = await one.acquire(["a", "b"]);
    expect(await two.tryAcquire("a")).toBeUndefined();
    expect(await two.tryAcquire("b")).toBeUndefined();
    expect(await two.tryAcquire(["c", "b"])).toBeUndefined();
    expect(await bench.keys()).toEqual([...hold.keys]);
    const other = await two.tryAcquire(["c", "d"]);

    expect(other?.held).toBe(true);
    await other?.release();
    await hold.release();
  });

  it("are tried for in one round trip, and leave nothing when one of them is taken", async () => {
    const holder = await one.acquire("b");
    bench.etcd.forget();
    expect(await two.tryAcquire(["a", "b", "c"])).toBeUndefined();
    expect(bench.etcd.calls.txn).toBe(1);
    expect(await bench.keys()).toEqual([holder.key]);
    await holder.release();
    bench.etcd.forget();
    const hold = await two.tryAcquire(["a", "b", "c"]);

    expect(bench.etcd.calls.txn).toBe(1);
    await hold?.release();
  });

  it("wait for whichever of them is taken, and for all", async () => {
    const holders = [await one.acquire("a"), await one.acquire("b"), await one.acquire("c")];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const waiting = two.acquire(["a", "b", "c"]);
      const state = seen(waiting);
      await settle();
      for (const [count, index] of order.entries()) {
        expect(state.done).toBe(false);
        await holders[index]?.release();
        if (count < 2) await bench.clock.advance(20_000);
      }
      const hold = await waiting;
      const again = ["a", "b", "c"].map((name) => one.acquire(name));
      await settle();
      await hold.release();
      holders.splice(0, 3, ...(await Promise.all(again)));
    }
    for (const holder of holders) await holder.release();
  });

  it("keep their place in each queue while they wait in another", async () => {
    const holder = await one.acquire("a");
    const waiting = two.acquire(["a", "b"]);
    await settle();
    const late = one.acquire("b");
    const state = seen(late);
    await bench.clock.advance(20_000);
    expect(state.done).toBe(false);

    await holder.release();
    const hold = await waiting;
    await settle();
    expect(state.done).toBe(false);
    await hold.release();
    await (await late).release();
  });

  it("leave every queue when the wait is given up, and let those behind them in", async () => {
    const holder = await one.acquire("b");
    const controller = new AbortController();
    const waiting = two.acquire(["a", "b", "c"], { signal: controller.signal });
    await settle();
    const behind = [one.acquire("a"), one.acquire("c"), two.acquire("c")];
    await settle();
    controller.abort(new Error("never mind"));
    await expect(waiting).rejects.toThrow("never mind");

    await (await behind[0])?.release();
    await (await behind[1])?.release();
    await (await behind[2])?.release();
    expect(await bench.keys()).toEqual([holder.key]);
    await holder.release();
  });

  it("name the one that was in the way when the time is up", async () => {
    const holder = await one.acquire("b", { reason: "backup" });
    const late = two.acquire(["a", "b", "c"], { waitMs: 100 }).catch((error) => error);
    await bench.clock.advance(100);
    const instant = two.acquire(["c", "b"], { waitMs: 0 }).catch((error) => error);

    for (const error of [await late, await instant]) {
      expect(error).toBeInstanceOf(AlreadyLockedError);
      expect(error).toMatchObject({ key: "b", holder: { nodeId: "one", reason: "backup" } });
    }
    expect(await late).toMatchObject({ position: 1, waiters: 0 });
    expect(await bench.keys()).toEqual([holder.key]);
    await holder.release();
  });

  it("hand over to a waiter of the same process in one round trip in all", async () => {
    const hold = await one.acquire(["a", "b"]);
    const waiting = [one.acquire("a"), one.acquire("b")];
    await settle();
    bench.etcd.forget();
    await hold.release();
    const next = await Promise.all(waiting);

    expect(bench.etcd.calls.txn).toBe(1);
    for (const each of next) await each.release();
  });

  it("are handed over to those who wait for several of them, in any order", async () => {
    const hold = await one.acquire(["a", "b", "c"]);
    const waiting = [];
    for (const [index, some] of [["c", "a"], ["b"], ["b", "c"], ["a", "b", "c"]].entries()) {
      waiting.push((index % 2 ? one : two).acquire(some));
      await settle();
    }
    await hold.release();
    const tokens: bigint[] = [];
    for (const next of waiting) {
      const held = await next;
      tokens.push(held.fencingToken);
      await held.release();
    }

    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
  });

  it("never deadlock, nor overlap, whatever sets are asked for in whatever order", async () => {
    const three = await bench.client();
    const random = seededRandom(42);
    const all = ["a", "b", "c", "d", "e"];
    const held = new Map<string, bigint>();
    const tokens = new Map<string, bigint>();
    let entered = 0;
    const user = async (locks: Locks): Promise<void> => {
      for (let round = 0; round < 40; round++) {
        const size = 1 + Math.floor(random() * 4);
        const some = [...all].sort(() => random() - 0.5).slice(0, size);
        const hold =
          random() < 0.2
            ? await locks.acquire(some, { waitMs: random() * 30 }).catch(() => undefined)
            : random() < 0.2
              ? await locks.tryAcquire(some)
              : await locks.acquire(some);
        if (!hold) continue;
        entered += 1;
        for (const name of some) {
          expect(held.has(name)).toBe(false);
          expect(hold.fencingToken).toBeGreaterThan(tokens.get(name) ?? 0n);
          held.set(name, hold.fencingToken);
          tokens.set(name, hold.fencingToken);
        }
        await new Promise<void>((resolve) => bench.clock.setTimer(random() * 5, resolve));
        for (const name of some) held.delete(name);
        await hold.release();
      }
    };
    const users = [one, two, three, one, two, three].map(user);
    const done = seen(Promise.all(users));
    // The clock stands nearly still: nobody is helped by looking again from time to time.
    for (let step = 0; step < 200 && !done.done; step++) await bench.clock.advance(20);
    expect(done.done).toBe(true);
    await Promise.all(users);

    expect(entered).toBeGreaterThan(150);
  }, 20_000);

  it("are lost with any one of them, and the others go at the release", async () => {
    for (const index of [0, 1, 2]) {
      const hold = await one.acquire(["a", "b", "c"]);
      await bench.clock.advance(30);
      const waiting = ["a", "b", "c"].map((name) => two.acquire(name));
      await settle();
      await deleteKey(bench.store, hold.keys[index] ?? "");
      await bench.clock.advance(10);

      expect(hold.held).toBe(false);
      expect(hold.signal.reason).toMatchObject({ reason: "deleted", key: "a, b, c" });
      await expect(hold.release()).rejects.toMatchObject({ code: "LOCK_LOST", reason: "deleted" });
      for (const next of waiting) await (await next).release();
      expect(await bench.keys()).toEqual([]);
    }
  });

  it("are looked at together when they begin to be watched", async () => {
    const hold = await one.acquire(names(20));
    bench.etcd.forget();
    await bench.clock.advance(20);

    expect(bench.etcd.calls).toMatchObject({ txn: 2, watch: 20 });
    await hold.release();
  });

  it("are lost when one of them was deleted before they began to be watched", async () => {
    const hold = await one.acquire(names(5));
    await deleteKey(bench.store, hold.keys[3] ?? "");
    expect(hold.held).toBe(true);
    await bench.clock.advance(20);

    expect(hold.held).toBe(false);
    await expect(hold.release()).rejects.toMatchObject({ reason: "deleted" });
    await bench.clock.advance(10);
  });

  it("are lost when somebody puts one of them on another lease", async () => {
    const hold = await one.acquire(["a", "b"]);
    await bench.clock.advance(30);
    const taken = hold.keys[1] ?? "";
    await putKey(bench.store, taken, "mine now");
    await bench.clock.advance(10);

    expect(hold.held).toBe(false);
    await expect(hold.release()).rejects.toMatchObject({ reason: "overwritten" });
    await settle();
    await deleteKey(bench.store, taken);
    expect(await bench.keys()).toEqual([]);
  });

  it("let the others go at a release that finds that one of them was deleted", async () => {
    const hold = await one.acquire(["a", "b", "c"]);
    await deleteKey(bench.store, hold.keys[1] ?? "");

    await expect(hold.release()).rejects.toMatchObject({ reason: "deleted" });
    expect(await bench.keys()).toEqual([]);
  });

  it("give up all places when one of them is deleted while they wait", async () => {
    const holder = await one.acquire("b");
    const waiting = two.acquire(["a", "b", "c"]).catch((error) => error);
    await settle();
    const [mine = ""] = (await bench.keys()).filter(
      (key) => key.startsWith("microlock/b/") && key !== holder.key,
    );
    await deleteKey(bench.store, mine);
    await bench.clock.advance(10);

    expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "deleted" });
    expect(await bench.keys()).toEqual([holder.key]);
    await holder.release();
  });

  it("give up at once when one of them is deleted while they wait for another", async () => {
    const holder = await one.acquire("b");
    const waiting = two.acquire(["a", "b", "c"]).catch((error) => error);
    await settle();
    const mine = (await bench.keys()).find((key) => key.startsWith("microlock/a/")) ?? "";
    await deleteKey(bench.store, mine);
    await bench.clock.advance(10);

    expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "deleted" });
    expect(await bench.keys()).toEqual([holder.key]);
    await holder.release();
  });

  it("do not hold when one of them was deleted in the moment in which the last one came free", async () => {
    const holder = await one.acquire("b");
    const waiting = two.acquire(["a", "b"]).catch((error) => error);
    await settle();
    const mine = (await bench.keys()).find((key) => key.startsWith("microlock/a/")) ?? "";
    await deleteKey(bench.store, mine);
    await holder.release();

    expect(await waiting).toMatchObject({ code: "PLACE_LOST", reason: "deleted" });
    await bench.clock.advance(10);
    expect(await bench.keys()).toEqual([]);
  });

  it("join in the order in which they were asked for in one process, whatever the way takes", async () => {
    const slow: (() => void)[] = [];
    bench.etcd.override("txn", async (request, options) => {
      if (slow.length === 0) await new Promise<void>((resolve) => slow.push(resolve));
      return bench.store.txn(request, options);
    });
    const order: string[] = [];
    const asking = [["a", "b"], ["b", "c"], ["c"]].map(async (some) => {
      const hold = await one.acquire(some);
      order.push(some.join());
      await hold.release();
    });
    await settle();
    expect(order).toEqual([]);
    slow[0]?.();
    await Promise.all(asking);

    expect(order).toEqual(["a,b", "b,c", "c"]);
  });

  it("put only while all of them are ours", async () => {
    const hold = await one.acquire(["a", "b", "c"]);
    await hold.put("/result", "first");
    await deleteKey(bench.store, hold.keys[2] ?? "");
    await expect(hold.put("/result", "second")).rejects.toMatchObject({ reason: "deleted" });
    await expect(hold.release()).rejects.toMatchObject({ reason: "deleted" });
    await settle();

    const [result] = await entriesBelow(bench.store, "/result");
    expect(Buffer.from(result?.value ?? "").toString()).toBe("first");
    await deleteKey(bench.store, "/result");
    expect(await bench.keys()).toEqual([]);
  });

  it("verify all of them", async () => {
    const hold = await one.acquire(["a", "b", "c"]);
    await hold.verify();
    await deleteKey(bench.store, hold.keys[2] ?? "");
    await expect(hold.verify()).rejects.toMatchObject({ reason: "deleted" });
    await hold.release().catch(() => {});
    await settle();
    expect(await bench.keys()).toEqual([]);
  });

  it.each([
    ["acquire", () => one.acquire(["a", "b"])],
    ["tryAcquire", () => one.tryAcquire(["a", "b"])],
  ])("are taken once by %s, at one revision, when the answer gets lost", async (_, ask) => {
    let lost = 0;
    bench.etcd.override("txn", async (request, options) => {
      const answer = await bench.store.txn(request, options);
      if (lost++ > 0) return answer;
      throw new StoreUnavailableError("lost");
    });
    const asking = ask();
    await bench.clock.advance(500);
    const hold = await asking;

    expect(hold?.held).toBe(true);
    expect(await bench.keys()).toEqual([...(hold?.keys ?? [])]);
    for (const key of hold?.keys ?? []) {
      const [entry] = await entriesBelow(bench.store, key);
      expect(entry?.createRevision).toBe(hold?.fencingToken);
    }
    lost = 0;
    const releasing = hold?.release();
    await bench.clock.advance(500);
    await releasing;
    expect(await bench.keys()).toEqual([]);
  });

  it("leave nothing behind when the answer to joining gets lost, and nobody waits any more", async () => {
    const controller = new AbortController();
    bench.etcd.override("txn", async (request, options) => {
      await bench.store.txn(request, options);
      bench.etcd.override("txn", undefined);
      controller.abort(new Error("enough"));
      throw new StoreUnavailableError("lost");
    });
    await expect(one.acquire(["a", "b"], { signal: controller.signal })).rejects.toThrow("enough");
    await bench.clock.advance(500);

    expect(await bench.keys()).toEqual([]);
  });

  describe("as many as etcd takes", () => {
    it("are 126: all that can be done with them can be done", async () => {
      const most = names(126);
      const hold = await one.acquire(most);
      expect(hold.keys).toHaveLength(126);
      expect(await two.tryAcquire(most)).toBeUndefined();
      await hold.put("/result", "done");
      await hold.delete("/result");
      await hold.verify();
      const waiting = two.acquire(most);
      await settle();
      const last = one.acquire(most, { waitMs: 10 }).catch((error) => error);
      await bench.clock.advance(10);
      expect(await last).toMatchObject({ code: "ALREADY_LOCKED", key: "name 0", position: 2 });
      expect(await bench.keys()).toHaveLength(2 * 126);
      const ticket = await hold.detach();
      const again = await one.attach(ticket);

      expect(again.fencingToken).toBe(hold.fencingToken);
      await again.release();
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
      await next.release();
      const tried = await one.tryAcquire(most);
      expect(tried?.held).toBe(true);
      await tried?.release();
    });

    it.each([127, 128, 129, 500])("are not %i, and nothing is taken then", async (count) => {
      const asks = [
        one.acquire(names(count)),
        one.acquire(names(count), { waitMs: 0 }),
        one.tryAcquire(names(count)),
        one.run(names(count), () => "never"),
      ];
      for (const ask of asks) {
        const error = await ask.then(
          (hold) => hold,
          (reason) => reason,
        );
        expect(error).toBeInstanceOf(TooManyNamesError);
        expect(error).toMatchObject({ code: "TOO_MANY_NAMES", count });
      }
      expect((await allKeys(bench.store)).filter((key) => key.includes("name"))).toEqual([]);
      await (await one.acquire(names(3))).release();
    });
  });
});
