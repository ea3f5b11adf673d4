import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { Hold } from "../../../src/core/hold.ts";
import type { Locks } from "../../../src/locks.ts";
import { leaderOf } from "../../support/cluster-leader.ts";
import { describeOnEveryEtcd, type EtcdCluster, startCluster } from "../../support/etcd-server.ts";
import { soon } from "../../support/server-state.ts";
import { startWorker } from "../../support/start-worker.ts";

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("on a cluster of three,", (version) => {
  let cluster: EtcdCluster;
  let target: string;
  let one: Locks;
  let two: Locks;

  beforeAll(async () => {
    cluster = await startCluster(3, { version });
    target = cluster.endpoints.join(",");
    one = await connect(target, { ttlMs: 5_000 });
    two = await connect(target, { ttlMs: 5_000 });
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await cluster.stop();
  });

  it("scenario 1: the next one is in within TTL and 3.6 s when a holder and the leader are killed at once", async () => {
    const worker = startWorker(target, "killed", 3_000);
    const token = BigInt(await worker.hears<string>("token"));
    const waiting = two.acquire("killed", { waitMs: 30_000 });
    await soon(async () => expect((await one.inspect("killed")).waiters).toHaveLength(1));
    const leader = await leaderOf(cluster);
    const killedAt = performance.now();
    worker.signal("SIGKILL");
    await leader.kill();
    const hold = await waiting;

    expect(performance.now() - killedAt).toBeLessThan(3_000 + 3_600);
    expect(hold.fencingToken).toBeGreaterThan(token);
    await hold.release();
    await leader.restart();
  });

  it("scenario 3: a hold survives the death of the leader with its token, and so does its waiter", async () => {
    const hold = await one.acquire("jobs");
    const waiting = two.acquire("jobs", { waitMs: 60_000 });
    const leader = await leaderOf(cluster);
    await leader.kill();

    // A majority answers again, and knows the hold.
    await hold.verify({ timeoutMs: 15_000 });
    await hold.put("written", "by the holder", { timeoutMs: 15_000 });
    expect(hold.held).toBe(true);
    await hold.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.delete("written");
    await next.release();
    await leader.restart();
  });

  it("scenario 4: no live hold is lost when a leader that was stopped for longer than the TTL goes on", async () => {
    const steady = await Promise.all(
      [false, true].map((strict) => connect(target, { ttlMs: 3_000, strict })),
    );
    const names = Array.from({ length: 20 }, (_, index) => `paused-${index}`);
    const holds = await Promise.all(
      steady.flatMap((locks, index) => names.map((name) => locks.acquire(`${name}-${index}`))),
    );
    const leader = await leaderOf(cluster);
    leader.signal("SIGSTOP");
    await pass(5_000);
    leader.signal("SIGCONT");
    // It removes what it takes for expired within 130 ms.
    await pass(1_000);

    expect(holds.filter(({ held }) => !held).map(why)).toEqual([]);
    await Promise.all(holds.map((hold) => hold.verify({ timeoutMs: 10_000 })));
    await Promise.all(steady.map((locks) => locks.close()));
  });

  it("scenario 10: without a quorum a hold ends at its deadline, and a waiter goes on once there is one", async () => {
    const holder = await connect(target, { ttlMs: 3_000, callTimeoutMs: 1_000 });
    const patient = await connect(target, { ttlMs: 30_000 });
    const hold = await holder.acquire("quorum");
    const waiting = patient.acquire("quorum", { waitMs: 60_000 });
    await soon(async () => expect((await one.inspect("quorum")).waiters).toHaveLength(1));
    const [first, second] = cluster.members;
    await Promise.all([first?.kill(), second?.kill()]);
    await new Promise((resolve) => hold.signal.addEventListener("abort", resolve));

    expect(hold.held).toBe(false);
    expect(hold.signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "expired" });
    await expect(holder.acquire("x")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

    await Promise.all([first?.restart(), second?.restart()]);
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.release();
    await Promise.all([holder.close(), patient.close()]);
  });
});

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function why(hold: Hold): string {
  return `${hold.name}: ${hold.signal.reason?.reason}`;
}
