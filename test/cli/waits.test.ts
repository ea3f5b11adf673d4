import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deadlocksAmong } from "../../src/cli/deadlocks/waits.ts";
import { holderOf } from "../../src/core/entry.ts";
import type { NamedQueue } from "../../src/core/list.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("deadlocksAmong", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let three: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
    three = await bench.client({ nodeId: "three" });
  });

  afterEach(async () => {
    expect(await bench.leftovers()).toEqual(nothing);
  });

  /** Asks, and goes on asking until its client is closed. */
  async function asks(asking: Promise<unknown>): Promise<void> {
    asking.catch(() => {});
    await settle();
  }

  async function found(): Promise<{ waits: string[]; cycles: string[][] }> {
    const queues: NamedQueue[] = [];
    for await (const queue of one.queues()) queues.push(queue);
    const { waits, cycles } = deadlocksAmong(queues);
    const say = ({ name, waiter, holder }: (typeof waits)[number]): string => {
      const [from, to] = [holderOf(waiter), holderOf(holder)];
      return `${from.nodeId ?? from.key} ${name} ${to.nodeId ?? to.key}`;
    };
    return { waits: waits.map(say), cycles: cycles.map((cycle) => cycle.map(say)) };
  }

  it("finds nothing where nobody waits", async () => {
    await one.acquire(["a", "b"]);
    await two.acquire("c");
    expect(await found()).toEqual({ waits: [], cycles: [] });
  });

  it("finds two that wait for each other, and who waits for them", async () => {
    await one.acquire("a");
    await two.acquire("b");
    await asks(one.acquire("b"));
    await asks(three.acquire("a"));
    expect(await found()).toEqual({ waits: ["three a one", "one b two"], cycles: [] });
    await asks(two.acquire("a"));
    expect(await found()).toEqual({
      waits: ["three a one", "two a one", "one b two"],
      cycles: [["two a one", "one b two"]],
    });
  });

  it("finds three that wait in a round", async () => {
    await one.acquire("a");
    await two.acquire("b");
    await three.acquire("c");
    await asks(one.acquire("b"));
    await asks(two.acquire("c"));
    await asks(three.acquire("a"));
    expect((await found()).cycles).toEqual([["three a one", "one b two", "two c three"]]);
  });

  it("finds no cycle in one queue, however many requests of two clients stand there", async () => {
    await one.acquire("a");
    for (const client of [two, one, two, one]) await asks(client.acquire("a"));
    expect(await found()).toEqual({ waits: ["two a one"], cycles: [] });
  });

  it("finds none among locks that are asked for together", async () => {
    await one.acquire(["a", "b"]);
    await asks(two.acquire(["b", "c"]));
    await asks(three.acquire(["c", "a"]));
    await asks(one.acquire("d"));
    expect((await found()).cycles).toEqual([]);
  });

  it("finds writers and readers that wait for each other", async () => {
    await one.rwLock("a").read.acquire();
    await two.rwLock("b").read.acquire();
    await asks(one.rwLock("b").write.acquire());
    await asks(two.rwLock("a").write.acquire());
    expect((await found()).cycles).toEqual([["two a one", "one b two"]]);
  });

  it("does not count who gets a permit from somebody else than those who wait for it", async () => {
    await one.semaphore("a", 2).acquire();
    await three.semaphore("a", 2).acquire();
    await two.acquire("b");
    await asks(one.acquire("b"));
    await asks(two.semaphore("a", 2).acquire());
    await three.acquire("c");
    await asks(three.acquire("c"));
    // three will be done with its permit some day, and does not wait for anybody else.
    expect((await found()).cycles).toEqual([]);
    await asks(three.acquire("b"));
    expect((await found()).cycles).toHaveLength(1);
  });

  it("takes each foreign lease, and each key without one, for somebody of its own", async () => {
    await bench.store.leaseGrant({ id: 0x77n, ttl: 60n });
    await putKey(bench.store, "microlock/a/77", "", 0x77n);
    await putKey(bench.store, "microlock/b/by-hand");
    await putKey(bench.store, "microlock/b/77", "", 0x77n);
    await putKey(bench.store, "microlock/a/by-hand");
    expect(await found()).toEqual({
      waits: ["microlock/a/by-hand a microlock/a/77", "microlock/b/77 b microlock/b/by-hand"],
      cycles: [],
    });
    await bench.store.leaseRevoke(0x77n);
    for (const key of ["microlock/a/by-hand", "microlock/b/by-hand"]) {
      await bench.store.txn({
        success: [{ op: "deleteRange", request: { key: Buffer.from(key) } }],
      });
    }
  });
});
