import { afterAll, beforeAll, expect, it, type TestContext } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import type { Locks } from "../../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../../support/etcd-server.ts";
import { entriesBelow } from "../../support/keys.ts";
import { soon, waitersOf } from "../../support/server-state.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { wrappedEtcd } from "../../support/wrapped-etcd.ts";

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("behind a way that may fail,", (version) => {
  let server: EtcdServer;
  let other: Locks;

  beforeAll(async () => {
    server = await startEtcd({ version });
    other = await connect(server.endpoint, { ttlMs: 2_000 });
  });

  afterAll(async () => {
    await other.close();
    await server.stop();
  });

  const proxied = async ({ onTestFinished }: TestContext): Promise<TcpProxy> => {
    const proxy = await TcpProxy.start(server.endpoint);
    onTestFinished(() => proxy.stop());
    return proxy;
  };
  const entriesOf = (name: string) => entriesBelow(other.etcd, `${other.keyOf(name)}/`);

  it.concurrent("scenario 6: a client that was cut off for less than its TTL has the same lock, with the same token", async (context) => {
    const proxy = await proxied(context);
    const locks = await connect(proxy.endpoint, { ttlMs: 5_000 });
    const hold = await locks.acquire("cut briefly");
    const waiting = other.acquire("cut briefly", { waitMs: 60_000 });
    await waitersOf(server, other.keyOf("cut briefly"), 2);
    proxy.hold();
    await pass(2_500);
    expect(hold.held).toBe(true);
    proxy.release();
    await pass(4_000);

    expect(hold.held).toBe(true);
    await hold.verify();
    const [first] = await entriesOf("cut briefly");
    expect(first?.createRevision).toBe(hold.fencingToken);
    await hold.release();
    await (await waiting).release();
    await locks.close();
  });

  it.concurrent("scenario 7: one that was cut off for longer loses it before anybody else is in, for good", async (context) => {
    const proxy = await proxied(context);
    const locks = await connect(proxy.endpoint, { ttlMs: 2_000 });
    const hold = await locks.acquire("cut");
    let heldAtEntrance: boolean | undefined;
    const entered = other.acquire("cut", { waitMs: 60_000 }).then((next) => {
      heldAtEntrance = hold.held;
      return next;
    });
    await waitersOf(server, other.keyOf("cut"), 2);
    proxy.hold();
    const next = await entered;
    expect(heldAtEntrance).toBe(false);
    expect(hold.signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "expired" });
    proxy.release();
    await pass(1_000);

    expect(hold.held).toBe(false);
    await expect(hold.put("data", "stale")).rejects.toMatchObject({ code: "LOCK_LOST" });
    expect(next.held).toBe(true);
    await next.release();
    // The client itself goes on, with another session.
    await locks.run("cut", async (again) => {
      expect(again.fencingToken).toBeGreaterThan(next.fencingToken);
    });
    await locks.close();
  });

  it.concurrent("scenario 8: latency and jitter lose no lock while the round trip is below a sixth of the TTL", async (context) => {
    const proxy = await proxied(context);
    const locks = await connect(proxy.endpoint, { ttlMs: 3_000 });
    const holds = await Promise.all(["a", "b", "c"].map((name) => locks.acquire(name)));
    proxy.delay(() => 80 + 140 * Math.random());
    for (let round = 0; round < 20; round++) await Promise.all(holds.map((hold) => hold.verify()));

    for (const hold of holds) expect(hold.held).toBe(true);
    proxy.delay(() => 0);
    await Promise.all(holds.map((hold) => hold.release()));
    await locks.close();
  });

  it.concurrent("scenario 13: a waiter whose watch is deaf is in within five seconds", async () => {
    const asIs = wrappedEtcd(other.etcd, (_name, send, options) => send(options));
    const deaf: Etcd = { ...asIs, watch: () => ({ close() {} }), close: async () => {} };
    const locks = await connect({ store: deaf, ttlMs: 10_000 });
    const hold = await other.acquire("deaf");
    const waiting = locks.acquire("deaf");
    await waitersOf(server, other.keyOf("deaf"), 2);
    const releasedAt = performance.now();
    await hold.release();
    const next = await waiting;
    expect(performance.now() - releasedAt).toBeLessThan(5_500);
    await next.release();
    await locks.close();
  });

  it.concurrent("scenario 13: a waiter whose watch is not answered finds out that its turn has come", async (context) => {
    const proxy = await proxied(context);
    const locks = await connect(proxy.endpoint, { ttlMs: 4_000 });
    const hold = await other.acquire("silent");
    const waiting = locks.acquire("silent", { waitMs: 60_000 });
    await waitersOf(server, other.keyOf("silent"), 2);
    // Whatever is said to it is lost, but new connections work.
    proxy.silence();
    await hold.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.release();
    await locks.close();
  });

  it.concurrent.for([
    ["before", "requests"],
    ["after", "answers"],
  ] as const)(
    "scenario 21: a join whose answer is lost %s it was carried out joins once",
    async ([when, what], context) => {
      const proxy = await proxied(context);
      const name = `once ${when}`;
      const locks = await connect(proxy.endpoint, { ttlMs: 6_000 });
      proxy.hold(what);
      const acquiring = locks.acquire(name, { waitMs: 30_000 });
      await pass(600);
      proxy.release();
      const hold = await acquiring;

      expect((await entriesOf(name)).map(({ createRevision }) => createRevision)).toEqual([
        hold.fencingToken,
      ]);
      proxy.hold(what);
      const releasing = hold.release();
      await pass(600);
      proxy.release();
      await releasing;
      expect(await entriesOf(name)).toEqual([]);
      await locks.close();
    },
  );

  it.concurrent("scenario 22: what arrives long after its client has given up touches nobody else", async (context) => {
    const proxy = await proxied(context);
    const locks = await connect(proxy.endpoint, { ttlMs: 6_000, callTimeoutMs: 700 });
    const hold = await locks.acquire("late");
    proxy.hold("requests");
    const outcomes = [
      hold.put("late-data", "late").then(String, String),
      hold.release().then(String, String),
      locks.acquire("late", { waitMs: 500 }).then(String, String),
    ];
    const told = await Promise.all(outcomes);
    expect(told.some((outcome) => outcome.includes("StoreUnavailableError"))).toBe(true);
    await other.forceRelease("late", { reason: "it is stuck", graceMs: 0 });
    const next = await other.acquire("late", { waitMs: 20_000 });
    proxy.release();
    await pass(1_500);

    expect(next.held).toBe(true);
    await next.verify();
    await next.put("late-data", "new");
    const [data] = await entriesBelow(other.etcd, "late-dat");
    expect(Buffer.from(data?.value ?? []).toString()).toBe("new");
    await next.delete("late-data");
    await next.release();
    await soon(async () => expect(await entriesOf("late")).toEqual([]));
    await locks.close();
  });
});

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
