import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import type { Semaphore } from "../../src/core/semaphore.ts";
import { DisagreementError, InvalidOptionError, StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
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

describe("Semaphore", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let here: Semaphore;
  let there: Semaphore;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
    here = one.semaphore("exports", 3);
    there = two.semaphore("exports", 3);
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    bench.etcd.override("watch", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("takes one round trip to acquire while permits are left, and one to release", async () => {
    const holds = [await here.acquire(), await there.acquire(), await here.acquire()];
    expect(bench.etcd.calls.txn).toBe(3);
    expect(holds.map(({ mode }) => mode)).toEqual(["permits", "permits", "permits"]);
    for (const hold of holds) await hold.release();

    expect(bench.etcd.calls.txn).toBe(6);
    expect(bench.etcd.calls.watch).toBe(0);
  });

  it("has at most as many holders as permits, and lets them in in their order", async () => {
    const order: number[] = [];
    let inside = 0;
    let most = 0;
    const runs: Promise<void>[] = [];
    for (let index = 0; index < 20; index++) {
      const work = async (): Promise<void> => {
        order.push(index);
        inside += 1;
        most = Math.max(most, inside);
        await new Promise<void>((resolve) => bench.clock.setTimer(10 + (index % 3), resolve));
        inside -= 1;
      };
      runs.push((index % 2 ? here : there).run(work));
      await settle();
    }
    await bench.clock.advance(1_000);
    await Promise.all(runs);

    expect(most).toBe(3);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("never gives out more than it has, whatever is asked for, tried and given up", async () => {
    const random = seededRandom(7);
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => bench.clock.setTimer(ms, resolve));
    let taken = 0;
    let entered = 0;
    const user = async (semaphore: Semaphore): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        const permits = 1 + Math.floor(random() * 3);
        const hold =
          random() < 0.3
            ? await semaphore.tryAcquire({ permits })
            : await semaphore.acquire({ permits, waitMs: random() * 60 }).catch(() => undefined);
        if (hold) {
          entered += 1;
          taken += permits;
          expect(taken).toBeLessThanOrEqual(3);
          await wait(random() * 20);
          taken -= permits;
          await hold.release();
        }
        await wait(random() * 10);
      }
    };
    const users = [here, there, here, there, here, there].map(user);
    await bench.clock.advance(5_000);
    await Promise.all(users);

    expect(entered).toBeGreaterThan(30);
  });

  it("does not let many small ones starve a large one", async () => {
    const small = [await here.acquire(), await there.acquire()];
    const large = there.acquire({ permits: 3 });
    await settle();
    const late = here.acquire();
    const states = [seen(large), seen(late)];
    await settle();

    expect(await here.tryAcquire()).toBeUndefined();
    await small[0]?.release();
    await bench.clock.advance(20_000);
    expect(states.map(({ done }) => done)).toEqual([false, false]);
    await small[1]?.release();
    const all = await large;
    await settle();
    expect(states[1]?.done).toBe(false);
    await all.release();
    await (await late).release();
  });

  it.each([
    ["of the same client", () => here],
    ["of another client", () => there],
  ])("lets several waiters %s in when a large one goes", async (_, lock) => {
    const large = await here.acquire({ permits: 3 });
    const waiting: Promise<Hold>[] = [];
    for (let index = 0; index < 4; index++) {
      waiting.push(lock().acquire());
      await settle();
    }
    const states = waiting.map(seen);
    await large.release();
    await settle();
    await settle();

    expect(states.map(({ done }) => done)).toEqual([true, true, true, false]);
    for (const next of waiting) await (await next).release();
  });

  it("lets the waiters behind a large one in when that gives up", async () => {
    const first = await here.acquire();
    const controller = new AbortController();
    const large = there.acquire({ permits: 3, signal: controller.signal }).catch(() => {});
    await settle();
    const late = [here.acquire(), there.acquire()];
    await settle();
    controller.abort();
    await large;

    for (const next of late) await (await next).release();
    await first.release();
  });

  it("lets a waiter in when any of the holders goes, not only the last one", async () => {
    const holds = [await here.acquire(), await there.acquire(), await here.acquire()];
    const waiting = there.acquire();
    await settle();
    await holds[0]?.release();
    await (await waiting).release();
    for (const hold of holds.slice(1)) await hold.release();
  });

  it("says who holds, and how many others wait, when the time is up", async () => {
    const hold = await here.acquire({ permits: 3, reason: "year's end" });
    const waiting = there.acquire();
    await settle();
    const late = there.acquire({ permits: 2, waitMs: 100 }).catch((error) => error);
    await bench.clock.advance(100);

    expect(await late).toMatchObject({
      code: "ALREADY_LOCKED",
      holder: { nodeId: "one", reason: "year's end" },
      waiters: 1,
      position: 2,
    });
    await hold.release();
    await (await waiting).release();
  });

  it("counts no holder among those who are in the way of the one who gives up", async () => {
    const holds = [await here.acquire(), await there.acquire(), await here.acquire()];
    const late = there.acquire({ waitMs: 100 }).catch((error) => error);
    await bench.clock.advance(100);

    expect(await late).toMatchObject({ code: "ALREADY_LOCKED", position: 1 });
    for (const hold of holds) await hold.release();
  });

  it("has tryAcquire take what is left, and leave nothing when that is not enough", async () => {
    const first = await here.tryAcquire({ permits: 2 });
    bench.etcd.forget();
    expect(await there.tryAcquire({ permits: 2 })).toBeUndefined();
    expect(bench.etcd.calls.txn).toBe(1);
    expect(await bench.keys()).toEqual([first?.key]);
    const second = await there.tryAcquire();

    expect(second?.held).toBe(true);
    expect(await here.tryAcquire()).toBeUndefined();
    await first?.release();
    await second?.release();
  });

  it("does not have two who try at the same time share the last permit", async () => {
    const first = await here.acquire({ permits: 2 });
    const tried = await Promise.all([here, there, here, there].map((lock) => lock.tryAcquire()));

    expect(tried.filter(Boolean)).toHaveLength(1);
    for (const hold of tried) await hold?.release();
    await first.release();
  });

  it("excludes a plain lock, a writer and an unknown entry of the same name", async () => {
    const hold = await here.acquire();
    expect(await two.tryAcquire("exports")).toBeUndefined();
    const plain = two.acquire("exports");
    await settle();
    const late = here.acquire();
    const states = [seen(plain), seen(late)];
    await settle();
    expect(states.map(({ done }) => done)).toEqual([false, false]);

    await hold.release();
    await (await plain).release();
    await (await late).release();
    const foreign = `${one.keyOf("exports")}/694d8f`;
    await putKey(bench.store, foreign);
    expect(await here.tryAcquire()).toBeUndefined();
    const waiting = there.acquire();
    await settle();
    await deleteKey(bench.store, foreign);
    await (await waiting).release();
  });

  it("comes in by looking, when the watch says nothing", async () => {
    bench.etcd.override("watch", () => ({ close() {} }));
    const deaf = (await bench.client()).semaphore("exports", 3);
    const hold = await here.acquire({ permits: 3 });
    const waiting = [deaf.acquire(), deaf.acquire()];
    const states = waiting.map(seen);
    await settle();
    await hold.release();
    await bench.clock.advance(5_000);
    expect(states[0]?.done).toBe(true);
    await bench.clock.advance(5_000);

    expect(states[1]?.done).toBe(true);
    for (const next of waiting) await (await next).release();
  });

  it("takes its permits once when the answer gets lost", async () => {
    let lost = false;
    bench.etcd.override("txn", async (request, options) => {
      const answer = await bench.store.txn(request, options);
      if (lost) return answer;
      lost = true;
      throw new StoreUnavailableError("lost");
    });
    const acquiring = here.acquire({ permits: 2 });
    await bench.clock.advance(200);
    const hold = await acquiring;
    lost = false;
    const trying = there.tryAcquire();
    await bench.clock.advance(200);
    const tried = await trying;

    expect(await bench.keys()).toEqual([tried?.key, hold.key].sort());
    await hold.release();
    await tried?.release();
  });

  describe("while others go by another number", () => {
    const other = (): Semaphore => two.semaphore("exports", 5);
    let hold: Hold;

    beforeEach(async () => {
      hold = await here.acquire();
      bench.etcd.forget();
    });

    afterEach(async () => {
      await hold.release();
    });

    it.each([
      ["acquire", () => other().acquire()],
      ["acquire without waiting", () => other().acquire({ waitMs: 0 })],
      ["tryAcquire", () => other().tryAcquire()],
      ["tryAcquire of all", () => other().tryAcquire({ permits: 5 })],
      ["run", () => other().run(() => "never")],
    ])("is told of it by %s, and leaves nothing", async (_, ask) => {
      await expect(ask()).rejects.toThrow(DisagreementError);
      expect(bench.etcd.calls.txn).toBe(1);
      await expect(ask()).rejects.toMatchObject({
        code: "DISAGREEMENT",
        key: "exports",
        expected: 5,
        found: 3,
      });
      expect(await bench.keys()).toEqual([hold.key]);
    });

    it("is told of it also when those only wait", async () => {
      await hold.release();
      const plain = await one.acquire("exports");
      const waiting = here.acquire();
      await settle();
      await expect(other().acquire()).rejects.toMatchObject({ code: "DISAGREEMENT", found: 3 });

      await plain.release();
      hold = await waiting;
    });

    it("is told of it also when an answer gets lost", async () => {
      let lost = false;
      bench.etcd.override("txn", async (request, options) => {
        if (lost) return bench.store.txn(request, options);
        lost = true;
        throw new StoreUnavailableError("lost");
      });
      const asking = other()
        .acquire()
        .catch((error) => error);
      await bench.clock.advance(200);

      expect(await asking).toBeInstanceOf(DisagreementError);
      expect(await bench.keys()).toEqual([hold.key]);
    });

    it("may change the number once nobody stands there any more", async () => {
      await hold.release();
      hold = await other().acquire({ permits: 5 });
      await expect(here.acquire()).rejects.toMatchObject({ expected: 3, found: 5 });
    });
  });

  it.each(["permits/2/4/x", "permits/", "permits/three/1/x"])(
    "waits for an entry %j, which is no part of any semaphore",
    async (suffix) => {
      const key = `${one.keyOf("exports")}/${suffix}`;
      await putKey(bench.store, key);
      expect(await here.tryAcquire()).toBeUndefined();
      const waiting = here.acquire();
      const state = seen(waiting);
      await bench.clock.advance(20_000);
      expect(state.done).toBe(false);

      await deleteKey(bench.store, key);
      await (await waiting).release();
    },
  );

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_001, "3", undefined, null])(
    "can't have %s permits",
    (permits) => {
      expect(() => one.semaphore("exports", permits as number)).toThrow(InvalidOptionError);
    },
  );

  it.each([0, -1, 1.5, Number.NaN, 4, "1", null])("can't give out %s at once", async (permits) => {
    const options = { permits: permits as number };
    await expect(here.acquire(options)).rejects.toThrow(InvalidOptionError);
    await expect(here.tryAcquire(options)).rejects.toThrow(InvalidOptionError);
    await expect(here.run(options, () => {})).rejects.toThrow(InvalidOptionError);
    expect(bench.etcd.calls.txn).toBe(0);
  });
});
