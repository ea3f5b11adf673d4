import nodeEtcd from "node-etcd";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { AlreadyLockedError, LockNotOwnedError } from "../../src/errors.ts";
import type { NodeEtcd } from "../../src/etcd/v2/node-etcd.ts";
import Microlock from "../../src/microlock.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { metric, soon } from "../support/server-state.ts";

interface NodeEtcdPackageClient extends NodeEtcd {
  del(key: string, done: () => void): unknown;
}

const NodeEtcdClient = nodeEtcd as new (hosts: string) => NodeEtcdPackageClient;

describeOnEveryEtcd("Microlock on a node-etcd client", (version) => {
  let server: EtcdServer;
  let etcd: NodeEtcdPackageClient;
  let foo: Microlock<NodeEtcd>;
  let bar: Microlock<NodeEtcd>;
  let seen: string[];

  beforeAll(async () => {
    server = await startEtcd({ version, args: ["--enable-v2=true"] });
    etcd = new NodeEtcdClient(server.endpoint);
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    seen = [];
    foo = new Microlock(etcd, "foo", "one", 5);
    bar = new Microlock(etcd, "foo", "two", 5);
    foo.on("locked", () => seen.push("locked")).on("unlocked", () => seen.push("unlocked"));
    // As with 1.2.1, what happens before the watcher stands is not told.
    await soon(async () => expect(await metric(server, "store_watchers")).toBe(2));
  });
  afterEach(async () => {
    foo.destroy();
    bar.destroy();
    await Promise.allSettled([foo.unlock(), bar.unlock()]);
  });

  it("locks, renews and unlocks, with the answers of the v2 API", async () => {
    expect(await foo.lock()).toMatchObject({
      action: "create",
      node: { key: "/foo", value: "one", ttl: 5 },
    });
    expect(await foo.renew()).toMatchObject({ action: "compareAndSwap", node: { value: "one" } });
    expect(await foo.unlock()).toMatchObject({ action: "compareAndDelete" });
  });

  it("keeps others out, and belongs to its node id", async () => {
    await foo.lock();
    await expect(bar.lock()).rejects.toThrow(AlreadyLockedError);
    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    await expect(bar.unlock()).rejects.toThrow(LockNotOwnedError);
    await expect(bar.renew()).rejects.toThrow(LockNotOwnedError);

    const twin = new Microlock(etcd, "foo", "one", 5);
    await twin.renew();
    await twin.unlock();
    twin.destroy();
    await expect(foo.unlock()).rejects.toThrow(LockNotOwnedError);
    await expect(foo.renew()).rejects.toThrow(LockNotOwnedError);
    await bar.lock();
  });

  it("tells of locking and unlocking, but not of a renewal", async () => {
    await bar.lock();
    await soon(() => expect(seen).toEqual(["locked"]));
    await bar.renew();
    await bar.unlock();
    await soon(() => expect(seen).toEqual(["locked", "unlocked"]));
  });

  it("tells that a lock has run out", async () => {
    const brief = new Microlock(etcd, "foo", "three");
    await brief.lock();
    brief.destroy();
    await soon(() => expect(seen).toEqual(["locked", "unlocked"]));
    await foo.lock();
  });

  it("tells that an admin deleted the key", async () => {
    await bar.lock();
    await new Promise<void>((resolve) => etcd.del("foo", () => resolve()));
    await soon(() => expect(seen).toEqual(["locked", "unlocked"]));
  });

  it("passes what etcd says to a fractional ttl on as it is", async () => {
    const fractional = new Microlock(etcd, "foo", "one", 1.5);
    await expect(fractional.lock()).rejects.toMatchObject({ errorCode: 202 });
    fractional.destroy();
  });

  it("leaves no socket when it is destroyed", async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    foo.destroy();
    bar.destroy();
    await soon(() => expect(sockets()).toBe(0));
    const lock = new Microlock(etcd, "foo", "one", 5);
    await soon(() => expect(sockets()).toBe(1));
    lock.destroy();
    await soon(() => expect(sockets()).toBe(0));
  });
});
