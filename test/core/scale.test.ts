import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { settle } from "../support/simulated-clock.ts";

const many = 1_000;

// How many of everything there are does not depend on how many wait, or only as it should.
describe("a thousand", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client();
    two = await bench.client();
    process.on("warning", note);
  });

  afterEach(async () => {
    process.off("warning", note);
    expect(warnings).toEqual([]);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < many * 2; turn++) await settle();
  };
  const counted = (): { watches: number; timers: number } => ({
    watches: bench.etcd.openWatches,
    timers: bench.clock.timerCount,
  });

  const kinds: Record<string, (locks: Locks, options: object) => Promise<Hold>> = {
    mutex: (locks, options) => locks.acquire("crowded", options),
    read: (locks, options) => locks.rwLock("crowded").read.acquire(options),
    write: (locks, options) => locks.rwLock("crowded").write.acquire(options),
    permits: (locks, options) => locks.semaphore("crowded", 2).acquire({ ...options, permits: 2 }),
    election: (locks, options) => locks.election("crowded").campaign("me", options),
  };

  it.each(Object.keys(kinds))(
    "waiters (%s) on one name share one watch, one timer and one listener",
    async (kind) => {
      const ask = kinds[kind] as (locks: Locks, options: object) => Promise<Hold>;
      const { signal } = new AbortController();
      let listeners = 0;
      const listen = signal.addEventListener.bind(signal);
      signal.addEventListener = (...args: Parameters<typeof listen>) => {
        listeners += 1;
        listen(...args);
      };
      // Writers, so that readers wait as well.
      const holder = await (kind === "read" ? kinds["write"] : ask)?.(one, {});
      const before = counted();
      const waiting = Array.from({ length: many }, () => ask(two, { signal }));
      await settled();

      const now = counted();
      expect(now.watches - before.watches).toBe(1);
      expect(now.timers - before.timers).toBe(1);
      expect(listeners).toBe(1);
      await holder?.release();
      const order: bigint[] = [];
      await Promise.all(
        waiting.map(async (asking) => {
          const hold = await asking;
          order.push(hold.fencingToken);
          await hold.release();
        }),
      );
      expect(order).toEqual([...order].sort((a, b) => (a < b ? -1 : 1)));
      await settle();
      expect(counted().watches).toBe(2);
    },
    60_000,
  );

  it("readers let go without having etcd go through the queue for each of them", async () => {
    const { read, write } = one.rwLock("crowded");
    const holds = await Promise.all(Array.from({ length: many }, () => read.acquire()));
    const writing = write.acquire();
    await settle();
    let looks = 0;
    bench.etcd.override("txn", (request, options) => {
      looks += (request.success ?? []).filter(({ op }) => op === "range").length;
      return bench.store.txn(request, options);
    });
    await Promise.all(holds.map((hold) => hold.release()));
    const hold = await writing;
    bench.etcd.override("txn", undefined);
    // The writer waits for the last one that came before it.
    expect(looks).toBeLessThanOrEqual(2);
    await hold.release();
  });

  it("waiters that hear of their position share one more watch", async () => {
    const holder = await one.acquire("crowded");
    const before = counted();
    const positions = new Map<number, number>();
    const waiting = Array.from({ length: many }, (_, index) =>
      two.acquire("crowded", { onWait: (position) => positions.set(index, position) }),
    );
    await settled();

    expect(counted().watches - before.watches).toBe(2);
    expect(counted().timers - before.timers).toBe(1);
    expect([...positions.values()]).toEqual(waiting.map((_, index) => index + 1));
    await holder.release();
    for (const asking of waiting) await (await asking).release();
  }, 60_000);

  it("names that one client holds have a watch each, and no timer, and leave neither", async () => {
    const before = counted();
    const holds = await Promise.all(
      Array.from({ length: many }, (_, index) => one.acquire(`name/${index}`)),
    );
    await bench.clock.advance(20);
    expect(counted()).toEqual({ ...before, watches: before.watches + many });

    await Promise.all(holds.map((hold) => hold.release()));
    expect(counted()).toEqual(before);
  }, 60_000);
});
