import { Etcd3, EtcdLeaseInvalidError, EtcdLockFailedError } from "etcd3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EtcdServer, startServer } from "../../src/etcd/server/start-server.ts";
import { eventually } from "../support/eventually.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

// In the way of etcd3's own tests, which all pass but for those of users and roles.
describe("The etcd3 package on a server of our own", () => {
  let clock: SimulatedClock;
  let server: EtcdServer;
  let client: Etcd3;

  beforeEach(async () => {
    clock = new SimulatedClock();
    server = await startServer({ port: 0, keepsProcessAlive: false, clock });
    client = new Etcd3({ hosts: server.address });
  });

  afterEach(async () => {
    client.close();
    await server.close();
  });

  it("reads and writes, in ranges, sorted, and in namespaces", async () => {
    const space = client.namespace("space/");
    for (const [key, value] of Object.entries({ b: "1", a: "3", c: "2" })) {
      await space.put(key).value(value);
    }
    expect(await space.getAll().strings()).toEqual({ a: "3", b: "1", c: "2" });
    expect(await space.getAll().sort("Value", "Descend").limit(2).keys()).toEqual(["a", "c"]);
    expect(await client.getAll().prefix("space/").count()).toBe(3);
    expect(await space.get("a").exists()).toBe(true);
    const { prev_kv } = await space
      .put("a")
      .value("4")
      .getPrevious()
      .then((kv) => ({ prev_kv: kv }));
    expect(prev_kv?.value.toString()).toBe("3");
    await space.put("a").touch();
    expect(await space.get("a").string()).toBe("4");
    const { deleted } = await space.delete().prefix("b");
    expect(deleted).toBe("1");
  });

  it("runs transactions, and repeats those that collide", async () => {
    await client.put("n").value("1");
    const result = await client
      .if("n", "Value", "==", "1")
      .and("m", "Create", "==", 0)
      .then(client.put("n").value("2"), client.get("n"))
      .else(client.get("n"))
      .commit();
    expect([result.succeeded, result.responses.length]).toEqual([true, 2]);

    const count = (): Promise<void> =>
      client.stm({ retries: 50 }).transact(async (tx) => {
        const value = (await tx.get("n").number()) ?? 0;
        await tx.put("n").value(value + 1);
      });
    await Promise.all([count(), count(), count(), count()]);
    expect(await client.get("n").number()).toBe(6);
  });

  it("keeps leases alive, and hears when they are lost", async () => {
    const lease = client.lease(60);
    await lease.put("leased").value("1");
    await lease.keepaliveOnce();
    const lost = new Promise<Error>((resolve) => lease.on("lost", resolve));
    await clock.advance(61_000);
    expect(await client.get("leased").string()).toBeNull();
    await expect(lease.keepaliveOnce()).rejects.toThrow(EtcdLeaseInvalidError);
    expect(await lost).toBeInstanceOf(EtcdLeaseInvalidError);

    const revoked = client.lease(60);
    await revoked.put("leased").value("2");
    await revoked.revoke();
    expect(await client.get("leased").string()).toBeNull();
    expect(server.counts().leases).toBe(0);
  });

  it("locks one at a time", async () => {
    const lock = client.lock("jobs").ttl(10);
    await lock.acquire();
    await expect(client.lock("jobs").acquire()).rejects.toThrow(EtcdLockFailedError);
    await lock.release();
    expect(await client.lock("jobs").do(() => "done")).toBe("done");
    await eventually(() => server.counts().leases === 0);
  });

  it("watches keys and prefixes, before, during and after changes", async () => {
    const early = client.watch().key("w/a").create();
    const told: string[] = [];
    const watcher = await client.watch().prefix("w/").withPreviousKV().create();
    watcher.on("put", (kv, prev) => told.push(`${kv.key} ${kv.value} was ${prev?.value ?? "not"}`));
    watcher.on("delete", (kv) => told.push(`${kv.key} gone`));
    const { header } = await client.put("w/a").value("1");
    await client.put("w/a").value("2");
    await client.delete().key("w/a");
    await eventually(() => told.length === 3);
    expect(told).toEqual(["w/a 1 was not", "w/a 2 was 1", "w/a gone"]);

    const past = await client.watch().key("w/a").startRevision(header.revision).create();
    const puts: string[] = [];
    past.on("put", (kv) => puts.push(kv.value.toString()));
    await eventually(() => puts.length === 2);
    for (const one of [await early, watcher, past]) await one.cancel();
    await eventually(() => server.counts().watches === 0);
  });

  it("goes on with a watch after the connection broke", async () => {
    const watcher = await client.watch().key("k").create();
    const told: string[] = [];
    watcher.on("put", (kv) => told.push(kv.value.toString()));
    await client.put("k").value("1");
    await eventually(() => told.length === 1);
    const { port } = server;
    await server.close();
    server = await startServer({ port, keepsProcessAlive: false });
    // A new server counts from the beginning, and the watcher waits for where it was.
    await eventually(() => server.counts().watches === 1, { withinMs: 10_000 });
    for (const value of ["2", "3"]) await client.put("k").value(value);
    await eventually(() => told.length === 2);
    expect(told).toEqual(["1", "3"]);
    await watcher.cancel();
  });

  it("elects one after the other, and tells who it is", async () => {
    const one = client.election("chief", 10);
    const two = client.election("chief", 10);
    const campaign = one.campaign("one");
    await campaign.wait();
    expect(await one.leader()).toBe("one");
    const next = two.campaign("two");
    next.on("error", () => {});
    const observer = await one.observe();
    await campaign.proclaim("still one");
    await eventually(() => observer.leader() === "still one");
    await campaign.resign();
    await next.wait();
    await eventually(() => observer.leader() === "two");
    await observer.cancel();
    await next.resign();
  });
});
