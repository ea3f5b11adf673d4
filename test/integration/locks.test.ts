import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Locks } from "../../src/locks.ts";
import { type EtcdServer, etcdVersions, startEtcd } from "../support/etcd-server.ts";
import { lockKeys, metric, nothingLeft, soon, waitersOf } from "../support/server-state.ts";
import { startWorker } from "../support/start-worker.ts";

for (const version of etcdVersions()) {
  describe(`locks on etcd ${version}`, () => {
    let server: EtcdServer;
    let locks: Locks;

    beforeAll(async () => {
      server = await startEtcd({ version });
      locks = await connect(server.endpoint, { ttlMs: 2_000 });
    });

    afterAll(async () => {
      await locks.close();
      await nothingLeft(server);
      await server.stop();
    });

    afterEach(async () => {
      expect(await lockKeys(server)).toEqual([]);
    });

    it("takes turns between two clients, in order, with rising tokens", async () => {
      const other = await connect(server.endpoint);
      const order: string[] = [];
      const tokens: bigint[] = [];
      const first = await locks.acquire("turns");
      const runs = [];
      for (const [index, client] of [other, locks, other, locks].entries()) {
        runs.push(
          client.run("turns", (hold) => {
            order.push(String(index));
            tokens.push(hold.fencingToken);
          }),
        );
        await waitersOf(server, locks.keyOf("turns"), index + 2);
      }
      await first.release();
      await Promise.all(runs);
      await other.close();

      expect(order).toEqual(["0", "1", "2", "3"]);
      expect([first.fencingToken, ...tokens]).toEqual(
        [first.fencingToken, ...tokens].sort((a, b) => (a < b ? -1 : 1)),
      );
    });

    it("waits for etcdctl, and etcdctl waits for it, first come first served", async () => {
      const key = locks.keyOf("shared/with/go");
      const hold = await locks.acquire("shared/with/go");
      const etcdctl = spawn(
        server.binaries.etcdctl ?? "etcdctl",
        ["--endpoints", server.endpoint, "lock", key],
        {
          env: { ...process.env, ETCDCTL_API: "3" },
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      let printed = "";
      etcdctl.stdout.on("data", (chunk) => {
        printed += chunk;
      });
      await waitersOf(server, key, 2);
      const waiting = locks.acquire("shared/with/go");
      await waitersOf(server, key, 3);
      expect(printed).toBe("");

      await hold.release();
      await once(etcdctl.stdout, "data");
      expect(printed).toContain(key);
      const entered = await Promise.race([waiting, Promise.resolve("not yet")]);
      expect(entered).toBe("not yet");

      etcdctl.kill("SIGINT");
      await (await waiting).release();
    });

    it("scenario 1: lets the next one in within the granted TTL and 0.6 s after a kill", async () => {
      const worker = startWorker(server.endpoint, "killed", 2_000);
      const token = await worker.hears<string>("token");
      const waiting = locks.acquire("killed");
      await waitersOf(server, locks.keyOf("killed"), 2);
      const killedAt = performance.now();
      worker.signal("SIGKILL");

      const hold = await waiting;
      expect(performance.now() - killedAt).toBeLessThan(2_000 + 600);
      expect(hold.fencingToken).toBeGreaterThan(BigInt(token));
      await hold.release();
    });

    it("scenario 2: has a stopped holder know when it goes on, before anything else of its own runs", async () => {
      const worker = startWorker(server.endpoint, "stopped", 2_000);
      await worker.hears("token");
      const waiting = locks.acquire("stopped");
      await waitersOf(server, locks.keyOf("stopped"), 2);
      worker.signal("SIGSTOP");
      const hold = await waiting;
      worker.signal("SIGCONT");

      expect(await worker.hears("woke")).toEqual({ held: false, aborted: true });
      worker.tell("put");
      expect(await worker.hears("put")).toBe("LOCK_LOST");
      worker.tell("release");
      expect(await worker.hears("release")).toBe("LOCK_LOST");
      worker.tell("end");
      expect(await worker.hears("closed")).toEqual([]);
      expect(await worker.ended()).toBe(0);
      expect((await server.etcdctl("get", "written/stopped")).stdout).toBe("");
      expect(hold.held).toBe(true);
      await hold.release();
    });

    it.each(["del", "revoke"])("tells a holder within 50 ms after etcdctl's %s", async (how) => {
      const watchers = await metric(server, "mvcc_watcher_total");
      const hold = await locks.acquire("taken");
      const told = once(hold.signal, "abort");
      // The holder watches its key as well as its session's.
      await soon(async () =>
        expect(await metric(server, "mvcc_watcher_total")).toBeGreaterThan(watchers),
      );
      const watcher = await connect(server.endpoint);
      let goneAt = 0;
      const gone = new Promise<void>((resolve) => {
        const range = { key: Buffer.from(hold.key) };
        const watch = watcher.etcd.watch(range, {
          onCreated: () => void remove(server, hold.key, how),
          onEvents: () => {
            goneAt = performance.now();
            watch.close();
            resolve();
          },
          onEnd: () => {},
        });
      });
      await Promise.all([told.then(() => gone)]);

      expect(Math.abs(performance.now() - goneAt)).toBeLessThan(50);
      expect(hold.signal.reason).toMatchObject({
        code: "LOCK_LOST",
        reason: how === "del" ? "deleted" : "revoked",
      });
      await watcher.close();
    });

    it("keeps a hold far beyond its TTL", async () => {
      const hold = await locks.acquire("long");
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await hold.verify();
      await hold.put("written/long", "yes");
      await hold.delete("written/long");
      await hold.release();
    });

    it("hands over 300 times among 3 clients without losing an update", async () => {
      const clients = [locks, await connect(server.endpoint), await connect(server.endpoint)];
      let counter = 0;
      await Promise.all(
        clients.flatMap((client) =>
          Array.from({ length: 100 }, () =>
            client.run("counter", async () => {
              const seen = counter;
              await new Promise((resolve) => setImmediate(resolve));
              counter = seen + 1;
            }),
          ),
        ),
      );
      expect(counter).toBe(300);
      await Promise.all(clients.slice(1).map((client) => client.close()));
    });
  });
}

async function remove(server: EtcdServer, key: string, how: string): Promise<void> {
  const lease = key.split("/").at(-1)?.split("-")[0] ?? "";
  await (how === "del" ? server.etcdctl("del", key) : server.etcdctl("lease", "revoke", lease));
}
