import { describe, expect, it } from "vitest";
import { connect } from "../../src/index.ts";
import { startEtcd } from "../../src/testkit/index.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("startEtcd", () => {
  it("gives each test an etcd of its own", async () => {
    await using one = await startEtcd();
    await using two = await startEtcd();
    await using locks = await connect(one.address);
    await using same = await connect(one.address);
    await using others = await connect(two.url);

    const hold = await locks.acquire("jobs");

    expect(await others.tryAcquire("jobs")).toBeDefined();
    expect(await same.tryAcquire("jobs")).toBeUndefined();
    await hold.release();
  });

  it("says where it listens, and listens there no longer once it is stopped", async () => {
    const etcd = await startEtcd({ host: "127.0.0.1", port: 0 });
    expect(etcd.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(etcd.url).toBe(`http://${etcd.address}`);
    expect((await fetch(`${etcd.url}/health`)).status).toBe(200);

    await etcd.stop();
    await etcd.stop();

    await expect(fetch(`${etcd.url}/health`)).rejects.toThrow();
  });

  it("lets a lease end as soon as the clock of the test says so", async () => {
    const clock = new SimulatedClock();
    await using etcd = await startEtcd({ clock });
    await using locks = await connect(etcd.address, { ttlMs: 60_000 });
    const hold = await locks.acquire("jobs");

    await clock.advance(61_000);

    await expect(hold.verify()).rejects.toThrow(/jobs/);
    expect(hold.held).toBe(false);
  });

  it("is there in a moment", async () => {
    const times: number[] = [];
    for (let n = 0; n < 20; n++) {
      const startedAt = performance.now();
      const etcd = await startEtcd();
      times.push(performance.now() - startedAt);
      await etcd.stop();
    }
    const [median = 0] = times.toSorted((a, b) => a - b).slice(10);
    expect(median).toBeLessThan(20);
  });
});
