import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Latencies } from "../../src/cli/bench/latencies.ts";
import type { TxnResponse } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { FakeIo } from "../support/fake-io.ts";
import { keysIn } from "../support/store-keys.ts";

/** One that lets timers and signals come in between, as a network does. */
class DistantEtcd extends EmbeddedEtcd {
  override async txn(...args: Parameters<EmbeddedEtcd["txn"]>): Promise<TxnResponse> {
    await nextTurn();
    return super.txn(...args);
  }
}

describe("Latencies", () => {
  it("sums up times, and counts each in the bucket that it fits", () => {
    const latencies = new Latencies();
    for (let ms = 1; ms <= 100; ms++) latencies.record(ms);

    const { p50Ms, maxMs, count, buckets } = latencies.summary();
    expect(p50Ms).toBeCloseTo(50, 0);
    expect(maxMs).toBeCloseTo(100, 0);
    expect(count).toBe(100);
    expect(buckets).toEqual([
      { upToMs: 1, count: 1 },
      { upToMs: 2, count: 1 },
      { upToMs: 5, count: 3 },
      { upToMs: 10, count: 5 },
      { upToMs: 20, count: 10 },
      { upToMs: 50, count: 30 },
      { upToMs: 100, count: 50 },
    ]);
  });

  it("has nothing to say of nothing", () => {
    expect(new Latencies().summary()).toMatchObject({ count: 0, maxMs: 0, meanMs: 0, buckets: [] });
  });
});

describe("microlock bench", () => {
  it("measures what it says, and leaves nothing behind", async () => {
    const etcd = new EmbeddedEtcd();
    const io = new FakeIo(etcd);

    const code = await io.run("bench", "--concurrency", "1,4", "--seconds", "20ms", "--json");

    expect(code).toBe(0);
    const { results } = JSON.parse(io.stdout.text);
    expect(results).toMatchObject([
      { scenario: "free locks, 1 at a time", concurrency: 1 },
      { scenario: "free locks, 4 at a time", concurrency: 4 },
      { scenario: "one lock, 16 in this process want it" },
      { scenario: "one lock, between two clients" },
    ]);
    for (const { count } of results) expect(count).toBeGreaterThan(0);
    expect(await keysIn(etcd)).toEqual([]);
  });

  it("leaves nothing behind when a signal ends it", async () => {
    const etcd = new DistantEtcd();
    const io = new FakeIo(etcd);
    const ending = io.run("bench", "--seconds", "60");
    setTimeout(() => io.send("SIGINT"), 100);

    expect(await ending).toBe(130);
    expect(await keysIn(etcd)).toEqual([]);
  });

  it("refuses numbers that are none", async () => {
    const io = new FakeIo(new EmbeddedEtcd());
    expect(await io.run("bench", "--concurrency", "1,x")).toBe(64);
    expect(await io.run("bench", "--seconds", "0")).toBe(64);
  });
});
