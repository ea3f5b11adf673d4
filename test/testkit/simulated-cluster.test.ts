import { beforeEach, describe, expect, it } from "vitest";
import type { Etcd, WatchEvent } from "../../src/etcd/api.ts";
import { SimulatedClock, SimulatedCluster, settle } from "../../src/testkit/index.ts";
import { describeEtcd } from "../support/describe-etcd.ts";
import { allKeys, deleteKey, putKey } from "../support/keys.ts";

describeEtcd("SimulatedCluster, by the contract", async () => {
  const clock = new SimulatedClock();
  return { etcd: new SimulatedCluster({ clock }), passTime: (ms) => clock.advance(ms) };
});

describe("a simulated cluster", () => {
  let clock: SimulatedClock;
  let cluster: SimulatedCluster;
  const members = (): readonly [Etcd, Etcd, Etcd] => cluster.members as [Etcd, Etcd, Etcd];

  beforeEach(() => {
    clock = new SimulatedClock();
    cluster = new SimulatedCluster({ clock });
  });

  it("answers with a higher term after an election, and lets leases begin anew", async () => {
    await cluster.leaseGrant({ id: 7n, ttl: 5n });
    await clock.advance(4_000);

    cluster.elect();
    const { header } = await cluster.txn({});
    await clock.advance(5_900);
    const before = await cluster.leaseTimeToLive({ id: 7n });
    await clock.advance(200);
    const after = await cluster.leaseTimeToLive({ id: 7n });

    expect(header.raftTerm).toBe(2n);
    expect(before.ttl).toBe(0n);
    expect(after.ttl).toBe(-1n);
  });

  it("answers nothing while its leader stalls, and ends no lease", async () => {
    const lease = await cluster.leaseGrant({ id: 7n, ttl: 2n });
    cluster.stallLeader();
    let answered = false;
    const put = putKey(members()[1], "x").then(() => {
      answered = true;
    });

    await clock.advance(60_000);
    const before = answered;
    cluster.elect();
    await put;

    expect(before).toBe(false);
    expect((await members()[1].leaseKeepAlive(lease.id)).ttl).toBe(2n);
  });

  it("has a stale leader that answers the keepalives in its queue with its old term, in vain", async () => {
    await cluster.leaseGrant({ id: 7n, ttl: 4n });
    cluster.stallLeader();
    cluster.elect();
    const keepalive = members()[0].leaseKeepAlive(7n);

    await clock.advance(3_900);
    cluster.resume();
    const { header, ttl } = await keepalive;
    await clock.advance(1_200);

    expect([header.raftTerm, ttl]).toEqual([1n, 4n]);
    expect((await cluster.txn({})).header.raftTerm).toBe(2n);
    expect((await cluster.leaseTimeToLive({ id: 7n })).ttl).toBe(-1n);
  });

  it("has a stale leader that ends leases which were renewed with the new one", async () => {
    await cluster.leaseGrant({ id: 7n, ttl: 4n });
    await cluster.leaseGrant({ id: 8n, ttl: 9n });
    cluster.stallLeader();
    cluster.elect();
    await clock.advance(3_000);
    await members()[1].leaseKeepAlive(7n);
    await clock.advance(1_500);

    cluster.resume();
    await settle();

    expect(cluster.store.leases.map(({ id }) => id)).toEqual([8n]);
  });

  it("carries out, when a stale leader goes on, what was asked of it meanwhile", async () => {
    cluster.stallLeader();
    const late = putKey(members()[0], "late");
    cluster.elect();
    await putKey(members()[1], "soon");
    const before = await allKeys(cluster.store);

    cluster.resume();
    await late;

    expect(before).toEqual(["soon"]);
    expect(await allKeys(cluster.store)).toEqual(["late", "soon"]);
  });

  it("refuses all while it is down, and has its data and its watches afterwards", async () => {
    const seen: string[] = [];
    cluster.watch(
      { key: Buffer.from("x") },
      { onEvents: (events) => seen.push(...told(events)), onEnd: () => {} },
    );
    await putKey(cluster, "x");
    await settle();

    cluster.stop();
    await expect(cluster.txn({})).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await putKey(cluster.store, "x");
    cluster.start();
    await settle();

    expect(seen).toEqual(["put at 2", "put at 3"]);
    expect((await cluster.txn({})).header).toMatchObject({ revision: 3n, raftTerm: 2n });
  });

  it("goes back to a snapshot: old leases live again, and watches are deaf until it has caught up", async () => {
    const seen: string[] = [];
    await cluster.leaseGrant({ id: 7n, ttl: 5n });
    await putKey(cluster, "x", "", 7n);
    cluster.elect();
    const snapshot = cluster.snapshot();
    cluster.watch(
      { key: Buffer.from("x") },
      { onEvents: (events) => seen.push(...told(events)), onEnd: () => {} },
    );
    await putKey(cluster, "y");
    await cluster.leaseRevoke(7n);
    await settle();
    const { header: before } = await cluster.txn({});

    cluster.restore(snapshot);
    const { header: after } = await cluster.txn({});
    await deleteKey(cluster, "x");
    await settle();

    expect(seen).toEqual(["delete at 4"]);
    expect([before.revision, before.raftTerm]).toEqual([4n, 2n]);
    expect([after.revision, after.raftTerm, after.clusterId]).toEqual([2n, 2n, before.clusterId]);
    expect((await cluster.leaseKeepAlive(7n)).ttl).toBe(5n);
  });

  it("refuses what needs room when its disk is full, and does all else", async () => {
    await cluster.leaseGrant({ id: 7n, ttl: 5n });
    await putKey(cluster, "x", "", 7n);

    cluster.isFull = true;

    await expect(putKey(cluster, "y")).rejects.toMatchObject({ code: "STORE_FULL" });
    await expect(cluster.leaseGrant({ ttl: 5n })).rejects.toMatchObject({ code: "STORE_FULL" });
    expect((await cluster.leaseKeepAlive(7n)).ttl).toBe(5n);
    await deleteKey(cluster, "x");
    expect(await allKeys(cluster)).toEqual([]);
  });
});

function told(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, kv }) => `${type} at ${kv.modRevision}`);
}
