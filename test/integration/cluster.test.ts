import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Locks } from "../../src/locks.ts";
import {
  describeOnEveryEtcd,
  type EtcdCluster,
  type EtcdServer,
  startCluster,
} from "../support/etcd-server.ts";

describeOnEveryEtcd("locks on a cluster of three", (version) => {
  let cluster: EtcdCluster;
  let one: Locks;
  let two: Locks;

  beforeAll(async () => {
    cluster = await startCluster(3, { version });
    const target = cluster.endpoints.join(",");
    one = await connect(target, { ttlMs: 5_000 });
    two = await connect(target, { ttlMs: 5_000 });
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await cluster.stop();
  });

  it("survive the death of the leader, with their tokens and their waiters", async () => {
    const hold = await one.acquire("jobs");
    let isLost = false;
    hold.signal.addEventListener("abort", () => {
      isLost = true;
    });
    const waiting = two.acquire("jobs");
    const leader = await leaderOf(cluster);
    await leader.kill();

    // A majority answers again, and knows the hold.
    await hold.verify({ timeoutMs: 15_000 });
    await hold.put("written", "by the holder", { timeoutMs: 15_000 });
    expect(isLost).toBe(false);
    await hold.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.delete("written");
    await next.release();
    await leader.restart();
  });

  it("end at their deadline when no majority is left, and are to be had again with it", async () => {
    const hold = await one.acquire("jobs");
    const [first, second] = cluster.members;
    await Promise.all([first?.kill(), second?.kill()]);
    const ended = new Promise((resolve) => hold.signal.addEventListener("abort", resolve));
    await ended;

    expect(hold.held).toBe(false);
    expect(hold.signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "expired" });
    await expect(two.acquire("jobs")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

    await Promise.all([first?.restart(), second?.restart()]);
    const next = await patiently(() => one.acquire("jobs", { waitMs: 10_000 }));
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.release();
  });
});

async function leaderOf({ members }: EtcdCluster): Promise<EtcdServer> {
  for (const member of members) {
    const { stdout } = await member.etcdctl("endpoint", "status", "--write-out=json");
    const [{ Status }] = JSON.parse(stdout);
    if (Status.leader === Status.header.member_id) return member;
  }
  throw new Error("There is no leader");
}

/** Asks again while etcd chooses a leader. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}
