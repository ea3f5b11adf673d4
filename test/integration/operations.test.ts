import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { bytesOf } from "../../src/core/keys.ts";
import type { Locks } from "../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { allKeys } from "../support/keys.ts";
import { lockKeys, nothingLeft, soon, waitersOf } from "../support/server-state.ts";
import { startProcess, type Worker } from "../support/start-worker.ts";

describeOnEveryEtcd("the operations", (version) => {
  let server: EtcdServer;
  let locks: Locks;

  beforeAll(async () => {
    server = await startEtcd({ version });
    locks = await connect(server.endpoint, { ttlMs: 2_000, nodeId: "the test" });
  });

  afterAll(async () => {
    await locks.close();
    await soon(() => nothingLeft(server));
    await server.stop();
  });

  afterEach(async () => {
    await soon(async () => expect(await lockKeys(server)).toEqual([]));
  });

  const start = (part: string, name: string, argument = ""): Worker =>
    startProcess(new URL("../support/operations-worker.mjs", import.meta.url), [
      server.endpoint,
      part,
      name,
      argument,
    ]);

  it("hand a hold from one process to another, with its key and token, though the first has ended", async () => {
    const giver = start("detach", "handed over");
    const ticket = await giver.hears<string>("ticket");
    expect(await giver.ended()).toBe(0);
    const waiting = locks.acquire("handed over");
    await waitersOf(server, locks.keyOf("handed over"), 2);
    const taker = start("attach", "handed over", ticket);

    expect(await taker.hears("token")).toBe(await giver.hears("token"));
    expect(await taker.hears("key")).toBe(await giver.hears("key"));
    const hold = await waiting;
    expect((await server.etcdctl("get", "written/handed over")).stdout).toContain(
      "by who attached",
    );
    await expect(locks.attach(ticket)).rejects.toMatchObject({ code: "LOCK_LOST" });
    await hold.delete("written/handed over");
    await hold.release();
    expect(await taker.ended()).toBe(0);
  });

  it("let the next one in when nobody came for what was handed over", async () => {
    const giver = start("detach", "left behind");
    const ticket = await giver.hears<string>("ticket");
    const hold = await locks.acquire("left behind");
    expect(hold.fencingToken).toBeGreaterThan(BigInt(await giver.hears<string>("token")));
    await expect(locks.attach(ticket)).rejects.toMatchObject({ reason: "expired" });
    await hold.release();
  });

  it("tell a holder in another process at once who takes its lock away, and why", async () => {
    const holder = start("hold", "taken");
    const token = BigInt(await holder.hears<string>("token"));
    const waiting = locks.acquire("taken");
    await waitersOf(server, locks.keyOf("taken"), 2);
    const seen = await locks.inspect("taken");
    expect(seen).toMatchObject({
      holders: [
        { nodeId: "the hold process", reason: "as a test", pid: holder.pid, fencingToken: token },
      ],
      waiters: [{ nodeId: "the test", isOurs: true, isForeign: false }],
    });
    expect(seen.holders[0]?.ttlLeftMs).toBeGreaterThan(0);

    const startedAt = performance.now();
    const taking = locks.forceRelease("taken", { reason: "it hangs", by: "Ada", graceMs: 500 });
    expect(await holder.hears("lost")).toEqual({
      reason: "revoked",
      by: "Ada",
      why: "it hangs",
      message: "Revoked by Ada: it hangs",
    });
    expect(performance.now() - startedAt).toBeLessThan(400);
    // It does not let go by itself: it has its grace.
    const hold = await waiting;
    expect(performance.now() - startedAt).toBeGreaterThan(490);
    expect((await taking)[0]?.fencingToken).toBe(token);
    await hold.verify();
    await hold.release();
    holder.signal("SIGKILL");
    await holder.ended();
  });

  it("take the lock from a holder that was stopped, and do not hit the next one", async () => {
    const holder = start("hold", "stopped");
    await holder.hears("token");
    holder.signal("SIGSTOP");
    await locks.forceRelease("stopped", { reason: "stopped", graceMs: 100 });
    const hold = await locks.acquire("stopped");
    holder.signal("SIGCONT");
    await holder.hears("lost");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await hold.verify();
    await hold.release();
    holder.signal("SIGKILL");
    await holder.ended();
  });

  it("keep a tick taken when its process was killed at work, and give out the next one", async () => {
    const options = { everyMs: 8_000 };
    const startedAt = performance.now();
    const runner = start("once", "tick", JSON.stringify(options));
    await runner.hears("runs");
    runner.signal("SIGKILL");
    await runner.ended();
    // Beyond the TTL of its session, within the tick.
    await soon(async () => expect(await lockKeys(server)).toHaveLength(1));
    const late = await locks.once("tick", options, () => "again");
    expect(late).toMatchObject({ ran: false, holder: { nodeId: "the once process" } });
    expect(performance.now() - startedAt).toBeLessThan(4_000);

    await soon(async () => expect(await lockKeys(server)).toEqual([]));
    const next = await locks.once("tick", { everyMs: 1_000 }, () => "the next one");
    expect(next).toEqual({ ran: true, result: "the next one" });
  });

  it("let nobody in for the lock delay after a holder was killed, and at once after a release", async () => {
    const careful = await connect(server.endpoint, { ttlMs: 2_000, lockDelayMs: 2_000 });
    const released = await careful.acquire("delayed");
    await released.release();
    await (await locks.acquire("delayed", { waitMs: 0 })).release();

    await careful.acquire("delayed");
    // Dead to etcd, from one moment to the next.
    await careful.etcd.close();
    const diedAt = performance.now();
    const hold = await locks.acquire("delayed");
    expect(performance.now() - diedAt).toBeGreaterThan(3_000);
    await hold.release();
    await careful.close();
  });

  it("tell all that happens to a lock, among us and etcdctl, in order", async () => {
    const watch = locks.watch("watched");
    await watch.standing;
    const other = await connect(server.endpoint, { nodeId: "other", ttlMs: 2_000 });
    const first = await locks.acquire("watched");
    const second = other.acquire("watched");
    await waitersOf(server, locks.keyOf("watched"), 2);
    await first.release();
    await second;
    await locks.forceRelease("watched", { reason: "a test", graceMs: 0 });
    const foreign = `${locks.keyOf("watched")}/go`;
    const { stdout } = await server.etcdctl("lease", "grant", "60");
    const lease = /lease ([0-9a-f]+)/.exec(stdout)?.[1] ?? "";
    await server.etcdctl("put", foreign, "", `--lease=${lease}`);
    await server.etcdctl("lease", "revoke", lease);

    const told: string[] = [];
    for await (const { type, nodeId = "foreign" } of watch) {
      if (told.push(`${nodeId} ${type}`) === 9) break;
    }
    expect(told).toEqual([
      "the test joined",
      "the test acquired",
      "other joined",
      "the test released",
      "other acquired",
      "other revoked",
      "foreign joined",
      "foreign acquired",
      "foreign expired",
    ]);
    await other.close();
  });

  it("list 100 000 locks by pages", async () => {
    const namespace = "crowd/";
    const crowd = await connect(server.endpoint, { namespace });
    const put = (from: number): Promise<unknown> =>
      locks.etcd.txn({
        success: Array.from({ length: 125 }, (_, index) => ({
          op: "put" as const,
          request: { key: bytesOf(`${namespace}${from + index}/1-1`), value: new Uint8Array() },
        })),
      });
    for (let from = 0; from < 100_000; from += 1_000) {
      await Promise.all(Array.from({ length: 8 }, (_, index) => put(from + index * 125)));
    }
    let count = 0;
    for await (const { holders } of crowd.list()) {
      count += holders.length;
    }
    expect(count).toBe(100_000);
    const some: string[] = [];
    for await (const { name } of crowd.list({ prefix: "9999" })) some.push(name);
    expect(some).toHaveLength(11);
    await crowd.close();
    await server.etcdctl("del", "--prefix", namespace);
    expect(await allKeys(locks.etcd)).toHaveLength(1);
  });
});
