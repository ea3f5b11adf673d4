import { spawn } from "node:child_process";
import { once } from "node:events";
import { Etcd3 } from "etcd3";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Locks } from "../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { lockKeys, nothingOfOursLeft, soon, waitersOf } from "../support/server-state.ts";

/** An etcdctl that stands in a queue, and what it has printed. */
interface Etcdctl {
  readonly printed: () => string;
  /** Resolves once it has printed something. */
  readonly speaks: Promise<void>;
  end(): Promise<void>;
}

function etcdctl(server: EtcdServer, ...args: string[]): Etcdctl {
  const child = spawn(
    server.binaries.etcdctl ?? "etcdctl",
    ["--endpoints", server.endpoint, ...args],
    { env: { ...process.env, ETCDCTL_API: "3" }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  return {
    printed: () => printed,
    speaks: once(child.stdout, "data").then(() => {}),
    async end() {
      child.kill("SIGINT");
      await exited;
    },
  };
}

/** Whether a promise has settled by now. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = Symbol("pending");
  return (await Promise.race([promise, Promise.resolve(mark)])) === mark;
}

describeOnEveryEtcd("the primitives", (version) => {
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
    // The leases of etcdctl elect, which ends without a word, stay for a minute.
    await nothingOfOursLeft(server);
    await server.stop();
  });

  afterEach(async () => {
    expect(await lockKeys(server)).toEqual([]);
  });

  describe("readers and writers", () => {
    it("have etcdctl lock wait for readers, and readers for etcdctl lock", async () => {
      const { read } = one.rwLock("catalogue");
      const key = one.keyOf("catalogue");
      const readers = [await read.acquire(), await two.rwLock("catalogue").read.acquire()];
      const writer = etcdctl(server, "lock", key);
      await waitersOf(server, key, 3);
      const late = read.acquire();
      await waitersOf(server, key, 4);
      for (const reader of readers) {
        expect(writer.printed()).toBe("");
        await reader.release();
      }
      await writer.speaks;
      expect(await isPending(late)).toBe(true);

      await writer.end();
      await (await late).release();
    });

    it("let waiting readers in by a downgrade, and etcdctl lock only after them", async () => {
      const hold = await one.rwLock("catalogue").write.acquire();
      const key = one.keyOf("catalogue");
      const reader = two.rwLock("catalogue").read.acquire();
      await waitersOf(server, key, 2);
      const writer = etcdctl(server, "lock", key);
      await waitersOf(server, key, 3);
      await hold.downgrade();
      await (await reader).release();
      expect(writer.printed()).toBe("");

      await hold.release();
      await writer.speaks;
      await writer.end();
    });
  });

  describe("an election", () => {
    it("takes turns with etcdctl elect, which sees our value, as we see its", async () => {
      const election = one.election("leader");
      const key = one.keyOf("leader");
      const leadership = await election.campaign("ours");
      const observed: string[] = [];
      const observing = (async () => {
        for await (const { value } of two.election("leader").observe()) {
          if (observed.push(value) === 4) return;
        }
      })();
      await soon(() => expect(observed).toEqual(["ours"]));
      const listener = etcdctl(server, "elect", "-l", key);
      await soon(() => expect(listener.printed()).toContain("ours"));
      const rival = etcdctl(server, "elect", key, "etcdctl's");
      await waitersOf(server, key, 2);
      const later = two.election("leader").campaign("two's");
      await waitersOf(server, key, 3);
      await leadership.proclaim("still ours");
      await soon(() => expect(listener.printed()).toContain("still ours"));
      await soon(() => expect(observed).toHaveLength(2));
      expect(rival.printed()).toBe("");

      await leadership.resign();
      await rival.speaks;
      await soon(() => expect(observed).toHaveLength(3));
      expect(await election.leader()).toMatchObject({ value: "etcdctl's" });
      expect(await isPending(later)).toBe(true);
      await rival.end();
      const next = await later;
      expect(await election.leader()).toEqual({
        value: "two's",
        key: next.key,
        fencingToken: next.fencingToken,
        revision: next.fencingToken,
      });
      await observing;
      expect(observed).toEqual(["ours", "still ours", "etcdctl's", "two's"]);
      await listener.end();
      await next.resign();
    });

    it("takes turns with the election of the etcd3 package", async () => {
      const locks = await connect(server.endpoint, { namespace: "election/" });
      const client = new Etcd3({ hosts: server.endpoint });
      const leadership = await locks.election("jobs").campaign("ours");
      const campaign = client.election("jobs").campaign("etcd3's");
      const elected = new Promise<void>((resolve) => campaign.on("elected", () => resolve()));
      await waitersOf(server, locks.keyOf("jobs"), 2);
      expect(await client.election("jobs").leader()).toBe("ours");
      const later = locks.election("jobs").campaign("ours again");
      await waitersOf(server, locks.keyOf("jobs"), 3);

      await leadership.resign();
      await elected;
      expect(await locks.election("jobs").leader()).toMatchObject({ value: "etcd3's" });
      expect(await isPending(later)).toBe(true);
      await campaign.resign();
      await (await later).resign();
      client.close();
      await locks.close();
    });
  });

  describe("a semaphore", () => {
    it("has no more holders than permits, and tells who goes by another number", async () => {
      let inside = 0;
      let most = 0;
      const run = (locks: Locks, permits: number): Promise<void> =>
        locks.semaphore("exports", 3).run({ permits }, async () => {
          inside += permits;
          most = Math.max(most, inside);
          await new Promise((resolve) => setTimeout(resolve, 3));
          inside -= permits;
        });
      const runs = Array.from({ length: 60 }, (_, n) => run(n % 2 ? one : two, (n % 3) + 1));
      await soon(() => expect(inside).toBeGreaterThan(0));
      await expect(two.semaphore("exports", 4).acquire()).rejects.toMatchObject({
        code: "DISAGREEMENT",
        expected: 4,
        found: 3,
      });
      await Promise.all(runs);

      expect(most).toBe(3);
    });
  });

  describe("several locks at once", () => {
    it("are as many as etcd takes, in one transaction, and not more", async () => {
      const names = Array.from({ length: 126 }, (_, index) => `many/${index}`);
      const hold = await one.acquire([...names, ...names]);
      expect(hold.names).toEqual(names);
      const waiting = two.acquire(names.toReversed());
      await soon(async () => expect(await lockKeys(server)).toHaveLength(252));
      await hold.put("written", "by the holder of all");
      await hold.delete("written");
      await hold.release();
      const next = await waiting;
      await next.verify();
      expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
      await next.release();

      for (const how of ["acquire", "tryAcquire"] as const) {
        await expect(one[how]([...names, "one more", "and one"])).rejects.toMatchObject({
          code: "TOO_MANY_NAMES",
          count: 128,
        });
      }
    });

    it("never wait for each other for ever, whatever they are and in whatever order", async () => {
      const clients = [one, two, await connect(server.endpoint)];
      const names = ["a", "b", "c", "d", "e"];
      const inside = new Map<string, number>();
      let random = 1;
      const next = (below: number): number => {
        random = (random * 48_271) % 2_147_483_647;
        return random % below;
      };
      const runs = Array.from({ length: 1_000 }, async (_, index) => {
        const size = next(3) + 1;
        const set = Array.from({ length: size }, () => names[next(names.length)] ?? "a");
        await clients[index % 3]?.run(set, async (hold) => {
          for (const name of hold.names) {
            inside.set(name, (inside.get(name) ?? 0) + 1);
            expect(inside.get(name)).toBe(1);
          }
          await new Promise((resolve) => setImmediate(resolve));
          for (const name of hold.names) inside.set(name, 0);
        });
      });
      await Promise.all(runs);
      await clients[2]?.close();
    });
  });
});
