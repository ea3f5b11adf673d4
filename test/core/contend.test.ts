import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { settle } from "../support/simulated-clock.ts";

describe("contend, while etcd does not answer", () => {
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
    bench.etcd.override("leaseKeepAlive", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const noAnswer: Etcd["txn"] = async (_request, { timeoutMs = 0 } = {}) => {
    await new Promise<void>((resolve) => bench.clock.setTimer(timeoutMs, resolve));
    throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
  };

  it("keeps its place in the queue for as long as the session lives", async () => {
    const holder = await one.acquire("jobs");
    const waiting = two.acquire("jobs");
    await settle();
    bench.etcd.override("txn", noAnswer);
    await bench.clock.advance(30_000);
    bench.etcd.override("txn", undefined);
    await holder.release();
    await bench.clock.advance(2_000);

    const hold = await waiting;
    expect(hold.held).toBe(true);
    await hold.release();
  });

  it("still gives up when the time is over", async () => {
    const holder = await one.acquire("jobs");
    const waiting = two.acquire("jobs", { waitMs: 12_000 }).catch((error) => error);
    await settle();
    bench.etcd.override("txn", noAnswer);
    await bench.clock.advance(14_000);
    expect(await waiting).toMatchObject({ code: "ALREADY_LOCKED", holder: undefined });

    bench.etcd.override("txn", undefined);
    await holder.release();
    await bench.clock.advance(5_000);
  });

  it("says what kept it from joining, even if its session ended meanwhile", async () => {
    bench.etcd.override("txn", noAnswer);
    bench.etcd.override("leaseKeepAlive", noAnswer as never);
    await bench.clock.advance(6_000);
    const asking = ["acquire", "tryAcquire"].map((how) =>
      two[how as "acquire"]("jobs").catch((error: unknown) => error),
    );
    await bench.clock.advance(8_000);

    for (const error of await Promise.all(asking)) {
      expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" });
    }
  });
});
