import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { Locks } from "../../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../../support/etcd-server.ts";
import { deleteKey, entriesBelow, putKey, textsOf } from "../../support/keys.ts";
import { metric, nothingLeft, soon, waitersOf } from "../../support/server-state.ts";
import { startWorker } from "../../support/start-worker.ts";

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("on one etcd,", (version) => {
  let server: EtcdServer;
  let one: Locks;
  let two: Locks;

  beforeAll(async () => {
    server = await startEtcd({ version });
    one = await connect(server.endpoint, { ttlMs: 2_000, nodeId: "one" });
    two = await connect(server.endpoint, { ttlMs: 2_000, nodeId: "two" });
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await nothingLeft(server);
    await server.stop();
  });

  it("scenario 2: a holder whose loop was blocked for longer than its TTL knows in its first line", async () => {
    const name = "blocked";
    const worker = startWorker(server.endpoint, name, 2_000);
    const token = BigInt(await worker.hears<string>("token"));
    const waiting = one.acquire(name);
    await waitersOf(server, one.keyOf(name), 2);
    worker.tell("block");
    const hold = await waiting;

    expect(await worker.hears("unblocked")).toEqual({ held: false, aborted: true });
    worker.tell("put");
    expect(await worker.hears("put")).toBe("LOCK_LOST");
    expect(hold.fencingToken).toBeGreaterThan(token);
    worker.tell("end");
    await worker.ended();
    await hold.release();
  });

  it("scenario 9: a hold, its waiter and their watches survive a restart with its data", async () => {
    const [long, other] = await Promise.all([
      connect(server.endpoint, { ttlMs: 10_000 }),
      connect(server.endpoint, { ttlMs: 10_000 }),
    ]);
    const hold = await long.acquire("restart");
    const waiting = other.acquire("restart", { waitMs: 60_000 });
    await waitersOf(server, one.keyOf("restart"), 2);
    await server.kill();
    await server.restart();
    await hold.verify({ timeoutMs: 10_000 });
    expect(hold.held).toBe(true);
    const told = once(hold.signal, "abort");
    await deleteKey(long.etcd, hold.key);
    await told;
    await (await waiting).release();
    await Promise.all([long.close(), other.close()]);
  });

  it("scenario 12: a waiter misses nothing when etcd compacts while it waits", async () => {
    const hold = await one.acquire("compacted");
    const waiting = two.acquire("compacted");
    await waitersOf(server, one.keyOf("compacted"), 2);
    // Its watch is torn in two by a restart, and what it would go on from is compacted away.
    server.signal("SIGSTOP");
    server.signal("SIGCONT");
    for (let round = 0; round < 50; round++) {
      const revision = await putKey(one.etcd, "noise", String(round));
      await one.etcd.compact(revision);
    }
    await hold.release();
    await (await waiting).release();
    await deleteKey(one.etcd, "noise");
  });

  it("scenario 12: a slow consumer of a watch is told what is true in the end, in bounded memory", async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const watch = two.watch("slow", { signal: stop.signal });
    const events = watch[Symbol.asyncIterator]();
    const first = events.next();
    await soon(async () => expect(await metric(server, "mvcc_watcher_total")).toBeGreaterThan(2));
    for (let round = 0; round < 500; round++) await one.run("slow", async () => {});
    const last = await one.acquire("slow");
    for (let next = await first; !next.done && seen.length < 5_000; next = await events.next()) {
      const { type } = next.value;
      seen.push(type);
      const { fencingToken } = next.value as { fencingToken?: bigint };
      if (fencingToken === last.fencingToken) break;
    }
    expect(seen.length).toBeGreaterThan(0);
    stop.abort();
    await last.release();
  });

  it.each(["deleted", "revoked"])(
    "scenario 14: a holder is told within 50 ms when its lock is %s",
    async (how) => {
      const victim = await connect(server.endpoint, { ttlMs: 5_000 });
      const hold = await victim.acquire("taken");
      // From then on it watches its key.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const told = once(hold.signal, "abort");
      const gone = new Promise<number>((resolve) => {
        const watch = two.etcd.watch(
          { key: Buffer.from(hold.key) },
          {
            onCreated: () =>
              void (how === "deleted"
                ? deleteKey(one.etcd, hold.key)
                : one.etcd.leaseRevoke(hold.lease)),
            onEvents: () => {
              watch.close();
              resolve(performance.now());
            },
            onEnd: () => {},
          },
        );
      });
      const [goneAt] = await Promise.all([gone, told]);
      expect(performance.now() - goneAt).toBeLessThan(50);
      expect(hold.signal.reason).toMatchObject({ code: "LOCK_LOST", reason: how });
      await victim.close();
    },
  );

  it("scenario 15: a holder loses an entry that was overwritten without a lease, and others are told of the orphan", async () => {
    const hold = await one.acquire("orphan");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const told = once(hold.signal, "abort");
    await server.etcdctl("put", hold.key, "nobody's");
    await told;
    expect(hold.signal.reason).toMatchObject({ reason: "overwritten" });
    await expect(hold.put("data", "x")).rejects.toMatchObject({ code: "LOCK_LOST" });
    await expect(two.acquire("orphan", { waitMs: 100 })).rejects.toThrow(
      /without a lease|no lease/,
    );
    const { holders } = await two.inspect("orphan");
    expect(holders).toMatchObject([{ lease: 0n, isForeign: true }]);
    await deleteKey(one.etcd, hold.key);
    await two.run("orphan", async () => {});
  });

  it("scenario 24: what etcd grants is what counts, and what it never would is refused at once", async () => {
    const short = await connect(server.endpoint, { ttlMs: 50 });
    const hold = await short.acquire("short");
    // Etcd's least is one and a half times its election timeout.
    expect(hold.remainingMs).toBeGreaterThan(1_000);
    expect(hold.remainingMs).toBeLessThanOrEqual(2_000);
    await short.close();
    const longest = await connect(server.endpoint, { ttlMs: 9_000_000_000_000 });
    const long = await longest.acquire("long");
    expect(long.remainingMs).toBeGreaterThan(8_900_000_000_000);
    await longest.close();
    for (const ttlMs of [0, -1, Number.NaN, 9_000_000_000_001]) {
      await expect(connect(server.endpoint, { ttlMs })).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    }
  });

  it("scenario 25: ids of leases and tokens are exact up to the largest", async () => {
    const id = 2n ** 63n - 1n;
    await one.etcd.leaseGrant({ id, ttl: 60n });
    const key = `${one.keyOf("exact")}/${id.toString(16)}-1`;
    const revision = await putKey(one.etcd, key, "", id);
    const { holders } = await two.inspect("exact");
    expect(holders).toMatchObject([{ lease: id, fencingToken: revision, key }]);
    await one.etcd.leaseRevoke(id);
  });

  it("scenario 26: names of any characters are locks of their own", async () => {
    const names = ["a", "a/b", "a%2Fb", "a\0b", "ключ", "🔒", " ", "x".repeat(4_096), "%session"];
    const holds = await Promise.all(names.map((name) => one.acquire(name)));
    for (const [index, name] of names.entries()) {
      expect(await two.tryAcquire(name)).toBeUndefined();
      expect((await two.inspect(name)).holders).toMatchObject([
        { fencingToken: holds[index]?.fencingToken },
      ]);
    }
    expect(new Set(holds.map(({ key }) => key)).size).toBe(names.length);
    await Promise.all(holds.map((hold) => hold.release()));
    for (const name of ["", "\ud800", "x".repeat(4_097)]) {
      await expect(one.acquire(name)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
  });

  it("scenario 27: a write that etcd would not take is refused here, and nothing is lost by it", async () => {
    const hold = await one.acquire("large");
    await expect(hold.put("data", "x".repeat(2_000_000))).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
    expect(hold.held).toBe(true);
    await hold.put("data", "x".repeat(1_000_000));
    await hold.delete("data");
    await hold.release();
  });

  it("scenario 30: garbage in the queue makes no false holder, and is shown for what it is", async () => {
    const prefix = `${one.keyOf("garbage")}/`;
    const garbage: readonly [string, Uint8Array][] = [
      ["", Buffer.from("")],
      ["0", Buffer.from("not JSON")],
      ["read/x", Buffer.from("[1,2]")],
      ["permits-x/9", Buffer.from('{"nodeId":7}')],
      ["kept-", Buffer.from("{}")],
      ["z", new Uint8Array(1_000_000).fill(255)],
    ];
    for (const [suffix, value] of garbage) {
      await one.etcd.txn({
        success: [{ op: "put", request: { key: Buffer.from(prefix + suffix), value } }],
      });
    }
    expect(await one.tryAcquire("garbage")).toBeUndefined();
    const waiting = one.acquire("garbage", { waitMs: 20_000 });
    await waitersOf(server, one.keyOf("garbage"), garbage.length + 1);
    const { holders, waiters } = await two.inspect("garbage");
    const foreign = [...holders, ...waiters].filter(({ isForeign }) => isForeign);
    expect(foreign.every(({ lease }) => lease === 0n)).toBe(true);
    const keys = textsOf(await entriesBelow(one.etcd, prefix)).filter((key) => !/-\d+$/.test(key));
    for (const key of keys) await deleteKey(one.etcd, key);
    const hold = await waiting;
    expect(hold.held).toBe(true);
    await hold.release();
  });
});
