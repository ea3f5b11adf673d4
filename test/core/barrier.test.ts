import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Barrier } from "../../src/core/barrier.ts";
import { InvalidOptionError, LockLostError, StoreUnavailableError } from "../../src/errors.ts";
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

describe("Barrier", () => {
  let bench: Bench;
  let clients: Locks[];
  let barriers: Barrier[];

  beforeEach(async () => {
    bench = openBench();
    clients = [await bench.client(), await bench.client(), await bench.client()];
    barriers = clients.map((locks) => locks.barrier("phase", 3));
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const [first, second, third] = [0, 1, 2].map((at) => () => barriers[at] as Barrier) as [
    () => Barrier,
    () => Barrier,
    () => Barrier,
  ];

  it("opens when all have come, and lets them leave when all want to", async () => {
    const entering = [first().enter(), second().enter()];
    const states = entering.map(seen);
    await bench.clock.advance(20_000);
    expect(states.map(({ done }) => done)).toEqual([false, false]);
    await third().enter();
    await Promise.all(entering);

    const leaving = [first().leave(), third().leave()];
    const left = leaving.map(seen);
    await bench.clock.advance(20_000);
    expect(left.map(({ done }) => done)).toEqual([false, false]);
    await second().leave();
    await Promise.all(leaving);
    expect(await bench.keys()).toEqual([]);
  });

  it("counts objects, also of one client, and may be entered again and again", async () => {
    const [locks] = clients as [Locks];
    const own = [1, 2, 3].map(() => locks.barrier("own", 3));
    const log: number[] = [];
    await Promise.all(
      own.map(async (barrier) => {
        for (let round = 0; round < 10; round++) {
          await barrier.enter();
          log.push(round);
          await barrier.leave();
        }
      }),
    );

    expect(log).toEqual([...log].sort((a, b) => a - b));
    expect(await bench.keys()).toEqual([]);
  });

  it("goes in rounds, which never mix, across clients", async () => {
    const log: number[] = [];
    let inside = 0;
    const running = barriers.map(async (barrier, index) => {
      for (let round = 0; round < 10; round++) {
        await new Promise<void>((resolve) => bench.clock.setTimer((index * round) % 7, resolve));
        await barrier.enter();
        inside += 1;
        log.push(round);
        await new Promise<void>((resolve) => bench.clock.setTimer((index + round) % 5, resolve));
        expect(inside).toBeLessThanOrEqual(3);
        inside -= 1;
        await barrier.leave();
      }
    });
    await bench.clock.advance(5_000);
    await Promise.all(running);

    expect(log).toEqual([...log].sort((a, b) => a - b));
  });

  it("has whoever comes too many wait for the next round", async () => {
    const [locks] = clients as [Locks];
    const fourth = locks.barrier("phase", 3);
    const all = [...barriers, fourth].map((barrier) => barrier.enter());
    const states = all.map(seen);
    await bench.clock.advance(100);
    expect(states.filter(({ done }) => done)).toHaveLength(3);
    const late = [...barriers, fourth][states.findIndex(({ done }) => !done)];
    const inside = [...barriers, fourth].filter((barrier) => barrier !== late);
    await Promise.all(inside.map((barrier) => barrier.leave()));
    await bench.clock.advance(100);
    expect(states.every(({ done }) => done)).toBe(false);

    const controller = new AbortController();
    const again = inside[0]?.enter();
    const other = inside[1]?.enter({ signal: controller.signal });
    await Promise.all([...all, again, other]);
    await Promise.all([late, inside[0], inside[1]].map((barrier) => barrier?.leave()));
  });

  it("does not count whoever gave up, and leaves nothing of it", async () => {
    const controller = new AbortController();
    const given = first().enter({ signal: controller.signal });
    const waiting = second().enter();
    const state = seen(waiting);
    await settle();
    controller.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    const later = third().enter();
    await bench.clock.advance(100);
    expect(state.done).toBe(false);
    expect(await bench.keys()).toHaveLength(2);

    await first().enter();
    await Promise.all([waiting, later]);
    await Promise.all(barriers.map((barrier) => barrier.leave()));
  });

  it("does not count whoever died before the others had come", async () => {
    const dying = first()
      .enter()
      .catch((error) => error);
    const waiting = second().enter();
    const state = seen(waiting);
    await settle();
    const key = (await bench.keys())[0] ?? "";
    await bench.store.leaseRevoke(BigInt(`0x${key.split("/").at(-1)?.split("-")[0]}`));
    await bench.clock.advance(10);
    // Which of the two it was, the store knows.
    const failed = await Promise.race([
      dying,
      waiting.then(
        () => undefined,
        (error) => error,
      ),
    ]);
    expect(failed).toMatchObject({ reason: "revoked" });
    const survivor = state.done ? first() : second();
    const replaced = state.done ? second() : first();
    const later = [replaced.enter(), third().enter()];
    await Promise.all(later);
    await bench.clock.advance(100);

    await Promise.all([survivor, replaced, third()].map((barrier) => barrier.leave()));
    await waiting.catch(() => {});
  });

  it("does not wait at the end for one that died inside", async () => {
    await Promise.all(barriers.map((barrier) => barrier.enter()));
    const leaving = [first().leave(), second().leave()];
    await clients[2]?.close();

    await Promise.all(leaving);
    await expect(third().leave()).rejects.toThrow(LockLostError);
    expect(await bench.keys()).toEqual([]);
  });

  it("rejects when its entry was deleted: while it waits, inside, and while it leaves", async () => {
    const waiting = first()
      .enter()
      .catch((error) => error);
    await settle();
    await deleteKey(bench.store, (await bench.keys())[0] ?? "");
    await bench.clock.advance(10);
    expect(await waiting).toMatchObject({ code: "LOCK_LOST", reason: "deleted" });

    await Promise.all(barriers.map((barrier) => barrier.enter()));
    for (const key of await bench.keys()) await deleteKey(bench.store, key);
    for (const barrier of barriers) {
      await expect(barrier.leave()).rejects.toMatchObject({ reason: "deleted" });
    }
    await bench.clock.advance(5);
    expect(await bench.keys()).toEqual([]);
  });

  it("leaves alone when its signal aborts while it leaves", async () => {
    await Promise.all(barriers.map((barrier) => barrier.enter()));
    const controller = new AbortController();
    const leaving = first().leave({ signal: controller.signal });
    await settle();
    controller.abort(new Error("enough"));
    await expect(leaving).rejects.toThrow("enough");
    expect(await bench.keys()).toHaveLength(2);

    await Promise.all([second().leave(), third().leave()]);
  });

  it("gives up within a second when its signal aborts and etcd does not answer", async () => {
    const controller = new AbortController();
    const entering = first()
      .enter({ signal: controller.signal })
      .catch((error) => error);
    const state = seen(entering);
    await settle();
    bench.etcd.override("txn", async (_request, { timeoutMs = 0 } = {}) => {
      await new Promise<void>((resolve) => bench.clock.setTimer(timeoutMs, resolve));
      throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
    });
    controller.abort(new Error("enough"));
    await bench.clock.advance(1_000);

    expect(state.done).toBe(true);
    expect(await entering).toMatchObject({ message: "enough" });
    bench.etcd.override("txn", undefined);
    await bench.clock.advance(20_000);
  });

  it("can't be entered twice, nor left before it was entered", async () => {
    await expect(first().leave()).rejects.toThrow(InvalidOptionError);
    const controller = new AbortController();
    const entering = first().enter({ signal: controller.signal });
    await expect(first().enter()).rejects.toThrow(InvalidOptionError);
    const others = [second().enter(), third().enter()];
    await Promise.all([entering, ...others]);
    await expect(first().enter()).rejects.toThrow(InvalidOptionError);

    await Promise.all(barriers.map((barrier) => barrier.leave()));
    await expect(first().leave()).rejects.toThrow(InvalidOptionError);
  });

  it("tells one that goes by another number", async () => {
    const controller = new AbortController();
    const waiting = first()
      .enter({ signal: controller.signal })
      .catch(() => {});
    await settle();
    await expect(clients[1]?.barrier("phase", 4).enter()).rejects.toMatchObject({
      code: "DISAGREEMENT",
      expected: 4,
      found: 3,
    });
    expect(await bench.keys()).toHaveLength(1);
    controller.abort();
    await waiting;
  });

  it("enters past an entry that goes by no number", async () => {
    const key = `${clients[0]?.keyOf("phase")}/barrier/many/x`;
    await putKey(bench.store, key);
    await Promise.all(barriers.map((barrier) => barrier.enter()));
    await Promise.all(barriers.map((barrier) => barrier.leave()));
    expect(await bench.keys()).toEqual([key]);
    await deleteKey(bench.store, key);
  });

  it.each([0, -1, 1.5, 1_000_001, "3", undefined])("can't have %s parties", (count) => {
    expect(() => clients[0]?.barrier("phase", count as number)).toThrow(InvalidOptionError);
  });
});
