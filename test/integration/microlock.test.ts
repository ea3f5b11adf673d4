import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Etcd3Store } from "../../src/etcd/etcd3/etcd3-store.ts";
import { AlreadyLockedError, ClosedError, connect, LockNotOwnedError } from "../../src/index.ts";
import type { Locks } from "../../src/locks.ts";
import Microlock from "../../src/microlock.ts";
import { describeQueueLock } from "../support/describe-queue-lock.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { entriesBelow } from "../support/keys.ts";
import { metric, soon } from "../support/server-state.ts";

/** Resolves when the lock emits the event next. */
function next(lock: Microlock, event: "locked" | "unlocked"): Promise<void> {
  return new Promise((resolve) => lock.once(event, () => resolve()));
}

describeOnEveryEtcd("Microlock on etcd v3", (version) => {
  let server: EtcdServer;
  let client: Etcd3;
  let etcd: Etcd3Store;
  let ours: Locks;
  let folder: string;
  let locks: Microlock[];

  function microlock(name: string, nodeId: string, ttl?: number): Microlock {
    const lock = new Microlock(client, name, nodeId, ttl);
    locks.push(lock);
    return lock;
  }

  beforeEach(() => {
    locks = [];
  });
  afterEach(() => {
    for (const lock of locks) lock.destroy();
  });

  beforeAll(async () => {
    server = await startEtcd({ version });
    client = new Etcd3({ hosts: server.endpoint });
    etcd = new Etcd3Store(client, systemClock);
    ours = await connect(server.endpoint);
    folder = await mkdtemp(join(tmpdir(), "microlock-test-"));
  });
  afterAll(async () => {
    client.close();
    await ours.close();
    await rm(folder, { recursive: true });
    await server.stop();
  });

  describeQueueLock("an etcd3 client", () => ({ client, etcd }));
  describeQueueLock("a client from connect()", () => ({ client: ours, etcd }));

  it("excludes holds of `acquire`, and they exclude it, over either client", async () => {
    const foo = microlock("both", "one", 10);
    const hold = await ours.acquire("both");
    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    await expect(foo.unlock()).rejects.toThrow(LockNotOwnedError);
    await hold.release();

    await foo.lock();
    expect(await ours.tryAcquire("both")).toBeUndefined();
    const twin = new Microlock(ours, "both", "one", 10);
    locks.push(twin);
    await twin.unlock();
    await (await ours.acquire("both")).release();
  });

  it("says that the client is closed", async () => {
    const brief = await connect(server.endpoint);
    const foo = new Microlock(brief, "closed", "one");
    locks.push(foo);
    const errors: Error[] = [];
    foo.on("error", (error) => errors.push(error));
    await brief.close();
    await expect(foo.lock()).rejects.toThrow(ClosedError);
    await expect(foo.renew()).rejects.toThrow(ClosedError);
    expect(errors).toEqual([]);
  });

  it("waits for `etcdctl lock`, which holds it", async () => {
    const foo = microlock("for etcdctl", "one", 10);
    const done = join(folder, "done");
    const locked = next(foo, "locked");
    const script = `until test -e ${done}; do sleep 0.02; done`;
    const holding = server.etcdctl("lock", "microlock/for etcdctl", "--", "sh", "-c", script);
    await locked;

    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    await expect(foo.unlock()).rejects.toThrow(LockNotOwnedError);

    const unlocked = next(foo, "unlocked");
    await writeFile(done, "");
    await unlocked;
    expect(await foo.lock()).toHaveProperty("fencingToken");
    expect(await holding).toMatchObject({ code: 0 });
    await foo.unlock();
  });

  it("makes `etcdctl lock` wait, and does not overtake it", async () => {
    const foo = microlock("from etcdctl", "one", 20);
    await foo.lock();
    const waiting = server.etcdctl("lock", "microlock/from etcdctl", "--", "echo", "my turn");
    await soon(async () =>
      expect(await entriesBelow(etcd, "microlock/from etcdctl/")).toHaveLength(2),
    );

    const refused = await foo.lock().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "ALREADY_LOCKED",
      holder: { nodeId: "one" },
      waiters: 1,
    });

    await foo.unlock();
    expect(await waiting).toMatchObject({ code: 0, stdout: expect.stringContaining("my turn") });
  });

  it("ends when it is not renewed, within half a second of what etcd granted", async () => {
    const foo = microlock("brief", "one");
    const unlocked = next(foo, "unlocked");
    const lockedAt = performance.now();
    await foo.lock();
    await unlocked;
    // Two seconds are the least that etcd grants with its default settings.
    expect(performance.now() - lockedAt).toBeGreaterThan(1_950);
    expect(performance.now() - lockedAt).toBeLessThan(2_000 + 1_000);
  });

  it("goes on to tell after etcd has been restarted", async () => {
    const foo = microlock("restarted", "one", 60);
    const locked = next(foo, "locked");
    await foo.lock();
    await locked;

    const unlocked = next(foo, "unlocked");
    await server.restart();
    await soon(() => foo.unlock().then(() => {}));
    await unlocked;
  });
});

describeOnEveryEtcd("Microlock on an etcd of its own", (version) => {
  let server: EtcdServer;

  beforeEach(async () => {
    server = await startEtcd({ version });
  });
  afterEach(() => server.stop());

  it.each<[string, number, () => Promise<{ client: Etcd3 | Locks; close(): unknown }>]>([
    [
      "an etcd3 client",
      0,
      async () => {
        const client = new Etcd3({ hosts: server.endpoint });
        return { client, close: () => client.close() };
      },
    ],
    [
      "a client from connect()",
      // Its session watches its own key.
      1,
      async () => {
        const client = await connect(server.endpoint);
        return { client, close: () => client.close() };
      },
    ],
  ])("leaves no key, no lease and no watch through %s", async (_what, others, open) => {
    const { client, close } = await open();
    const [foo, twin, bar] = [
      new Microlock(client, "left", "one", 30),
      new Microlock(client, "left", "one", 40),
      new Microlock(client, "left", "two", 30),
    ] as const;
    await Promise.allSettled([foo.lock(), twin.lock(), bar.lock()]);
    await Promise.allSettled([foo.unlock(), twin.unlock(), bar.unlock()]);
    await foo.lock();
    await expect(bar.lock()).rejects.toThrow(AlreadyLockedError);
    await foo.renew();
    await twin.renew();
    await foo.unlock();
    for (const lock of [foo, twin, bar]) lock.destroy();

    await soon(async () => expect(await metric(server, "mvcc_watcher_total")).toBe(others));
    await close();
    expect((await server.etcdctl("get", "", "--prefix", "--keys-only")).stdout).toBe("");
    expect((await server.etcdctl("lease", "list")).stdout).toContain("found 0 leases");
    await soon(async () => expect(await metric(server, "mvcc_watcher_total")).toBe(0));
  });
});
