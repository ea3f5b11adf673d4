import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Hold } from "../../src/core/hold.ts";
import type { Locks } from "../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { lockKeys, nothingOfOursLeft, waitersOf } from "../support/server-state.ts";

const lingerMs = 20_000;

describeOnEveryEtcd("what lingers", (version) => {
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
    await nothingOfOursLeft(server);
    await server.stop();
  });

  const taken: readonly (readonly [string, (hold: Hold) => Promise<unknown>])[] = [
    ["etcdctl lease revoke", ({ lease }) => server.etcdctl("lease", "revoke", lease.toString(16))],
    ["etcdctl del", ({ key }) => server.etcdctl("del", key)],
    ["forceRelease", ({ name }) => two.forceRelease(name, { reason: "deployment", graceMs: 0 })],
  ];

  it.each(taken)(
    "keeps ours and etcdctl lock out after %s until the release, and no longer",
    async (_, take) => {
      const hold = await one.acquire("jobs", { lingerMs });
      const aborted = once(hold.signal, "abort");
      const key = one.keyOf("jobs");
      const command = server.binaries.etcdctl ?? "etcdctl";
      const theirs = spawn(command, ["--endpoints", server.endpoint, "lock", key], {
        env: { ...process.env, ETCDCTL_API: "3" },
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = "";
      const spoken = once(
        theirs.stdout.on("data", (chunk) => (printed += chunk)),
        "data",
      );
      // The holder's key, and its companion.
      await waitersOf(server, key, 3);
      let entered = false;
      const ours = two.acquire("jobs", { lingerMs }).then((hold) => {
        entered = true;
        return hold;
      });
      await waitersOf(server, key, 5);
      await take(hold);
      await aborted;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(printed).toBe("");
      expect((await two.inspect("jobs")).holders).toMatchObject([{ mode: "kept", nodeId: "one" }]);

      await expect(hold.release()).rejects.toMatchObject({ code: "LOCK_LOST" });
      await spoken;
      expect(entered).toBe(false);
      theirs.kill("SIGINT");
      await (await ours).release();
      expect(await lockKeys(server)).toEqual([]);
    },
    15_000,
  );

  it("goes by itself when nobody releases", async () => {
    const dying = await connect(server.endpoint, { ttlMs: 2_000, nodeId: "dying" });
    const hold = await dying.acquire("jobs", { lingerMs: 1_000 });
    const { signal } = hold;
    const aborted = once(signal, "abort");
    const waiting = two.acquire("jobs");
    await waitersOf(server, one.keyOf("jobs"), 3);
    await server.etcdctl("lease", "revoke", hold.lease.toString(16));
    await aborted;
    const lostAt = performance.now();
    const next = await waiting;
    const passedMs = performance.now() - lostAt;
    expect(passedMs).toBeGreaterThan(1_000);
    expect(passedMs).toBeLessThan(5_000);
    await next.release();
    await dying.close();
  }, 15_000);

  it("keeps others out for minHoldMs, also when the client is closed at once", async () => {
    const short = await connect(server.endpoint, { ttlMs: 10_000, nodeId: "short" });
    const begunAt = performance.now();
    await short.run("jobs", { minHoldMs: 2_500 }, () => {});
    await short.close();
    await (await two.acquire("jobs")).release();
    const passedMs = performance.now() - begunAt;
    expect(passedMs).toBeGreaterThan(2_500);
    expect(passedMs).toBeLessThan(6_000);
  }, 15_000);
});
