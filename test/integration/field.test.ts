import { createServer } from "node:net";
import { Etcd3 } from "etcd3";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { textOf } from "../../src/core/keys.ts";
import { startServer } from "../../src/etcd/server/start-server.ts";
import { type Locks, TooManyNamesError } from "../../src/index.ts";
import { etcdVersions, startEtcd } from "../support/etcd-server.ts";
import { deleteKey, entriesBelow, putKey } from "../support/keys.ts";
import { Onlooker } from "../support/onlooker.ts";
import {
  bundledCli,
  type Cli,
  endAll,
  startCli,
  startProgram,
  timeOf,
} from "../support/start-cli.ts";

// Each is a fault that etcdctl lock was found to have, or a trap of the layout of its keys. Those
// of the same number are of the same kind.

interface Store {
  readonly endpoint: string;
  stop(): Promise<void>;
}

const stores: readonly (readonly [name: string, start: () => Promise<Store>])[] = [
  ...etcdVersions().map((version) => [`etcd ${version}`, () => startEtcd({ version })] as const),
  [
    "a server of our own",
    async () => {
      const server = await startServer({ port: 0 });
      return { endpoint: server.address, stop: () => server.close() };
    },
  ],
];

// The shell's child hears of a signal as well, so that the shell gets to its trap.
const untilToldTo = (onTerm: string): string[] => [
  "-c",
  `trap '${onTerm}' TERM; echo start; while :; do sleep 100; done`,
];
const untilStdinEnds = ["--", "sh", "-c", "echo start; cat"];
const time = "$(date +%s%N)";

describe.each(stores)("microlock on %s", (_, start) => {
  let store: Store;
  let locks: Locks;
  let onlooker: Onlooker;

  const microlock = (...args: string[]): Cli => startCli(store.endpoint, args);
  const etcdctl = (...args: string[]): Cli =>
    startProgram(inject("etcds").at(-1)?.etcdctl ?? "etcdctl", [
      `--endpoints=${store.endpoint}`,
      ...args,
    ]);

  beforeAll(async () => {
    store = await start();
    locks = await connect(store.endpoint);
    onlooker = new Onlooker(locks);
  });

  afterAll(async () => {
    endAll();
    await onlooker.nothingIsLeft();
    await locks.close();
    await store.stop();
  });

  const losses = [
    ["1: when the lease is revoked", (name: string) => onlooker.revokeLeaseOf(name)],
    ["3: when the key is deleted", (name: string) => onlooker.deleteKeyOf(name)],
  ] as const;

  describe.concurrent.each(losses)("%s", (what, take) => {
    it.each([
      ["ends at once", "", "quick"],
      ["takes its time", "sleep 0.4; ", "slow"],
    ])("lets nobody in before the command has ended that %s", async (_, ending, kind) => {
      const name = `taken/${what[0]}/${kind}`;
      const holder = microlock("run", name, ...untilToldTo(`${ending}echo end ${time}; exit 3`));
      await holder.prints("start");
      const next = microlock("run", name, "-c", `echo next ${time}`);
      const command = ["--", "sh", "-c", `echo next ${time}`];
      const theirs = etcdctl("lock", locks.keyOf(name), ...command);
      await onlooker.waitersAre(name, 2);

      await take(name);

      const codes = await Promise.all([holder, next, theirs].map((each) => each.ended()));
      expect(codes).toEqual([79, 0, 0]);
      expect(holder.stderr).toMatch(`microlock run: Lock "${name}" was lost: `);
      const end = timeOf(holder, "end");
      expect(timeOf(next, "next")).toBeGreaterThan(end);
      expect(timeOf(theirs, "next")).toBeGreaterThan(end);
    });

    it("ends the lock that a script holds", async () => {
      const name = `scripts/${what[0]}`;
      const holder = microlock("lock", name);
      await holder.prints("\n");

      await take(name);

      expect(await holder.ended()).toBe(79);
    });
  });

  describe.concurrent("is no etcdctl", () => {
    it("2: passes SIGTERM on to the command, and ends when and as that does", async () => {
      const child = microlock("run", "told", ...untilToldTo("echo told; sleep 0.2; exit 4"));
      await child.prints("start");

      child.signal("SIGTERM");
      await child.prints("told");

      expect((await locks.inspect("told")).holders).not.toEqual([]);
      expect(await child.ended()).toBe(4);
      expect(await locks.inspect("told")).toMatchObject({ holders: [] });
    });

    it("4: tells the command of the inner of two locks, not of the outer one", async () => {
      const inner = [process.execPath, bundledCli, "run", "inner", "--", "env"];
      const child = microlock("run", "outer", "--", ...inner);

      expect(await child.ended()).toBe(0);
      const vars = Object.fromEntries(child.stdout.split("\n").map((line) => line.split("=")));
      const { MICROLOCK_TOKEN: token, MICROLOCK_LEASE: lease, ETCD_LOCK_KEY: key } = vars;
      expect(vars).toMatchObject({ MICROLOCK_NAME: "inner", ETCD_LOCK_REV: token });
      expect(key).toMatch(new RegExp(`^microlock/inner/${lease}-\\d+$`));
    });

    it("5: ends with the command's code, or says that a signal ended it, or that there is none", async () => {
      const commands = [["sh", "-c", "exit 7"], ["sh", "-c", "kill -KILL $$"], ["/nowhere/at-all"]];
      const runs = commands.map((command, n) => microlock("run", `codes/${n}`, "--", ...command));

      expect(await Promise.all(runs.map((run) => run.ended()))).toEqual([7, 137, 127]);
    });

    it("6: passes stdin on to the command", async () => {
      const child = microlock("run", "stdin", "--", "cat");
      child.stdin.end("one\ntwo");

      expect(await child.ended()).toBe(0);
      expect(child.stdout).toBe("one\ntwo");
    });

    it("7: leaves the queue at once when it is interrupted, and says so by its code", async () => {
      const holder = microlock("run", "queue", ...untilStdinEnds);
      await holder.prints("start");
      const waiter = microlock("run", "queue", "--", "echo", "never");
      await onlooker.waitersAre("queue", 1);
      const { key } = await onlooker.holderOf("queue");

      waiter.signal("SIGINT");

      expect(await waiter.ended()).toBe(130);
      expect(waiter.stdout).toBe("");
      await onlooker.waitersAre("queue", 0);
      expect(await onlooker.holderOf("queue")).toMatchObject({ key });
      holder.stdin.end();
      expect(await holder.ended()).toBe(0);
    });
  });

  describe.concurrent("knows the traps of the keys", () => {
    it("8: does not stand in the way of a lock by one whose name goes on behind a slash", async () => {
      const hold = await locks.acquire("trap/b");

      expect(await microlock("run", "trap", "-n", "--", "true").ended()).toBe(0);
      expect(await etcdctl("lock", locks.keyOf("trap"), "--", "true").ended()).toBe(0);
      await hold.release();
    });

    it("8: says which foreign key blocks a lock for ever, and lets it be taken away", async () => {
      await putKey(locks.etcd, "foreign/config", "elsewhere");
      await putKey(locks.etcd, "microlock/foreign/config", "in the way");
      const blocked = microlock("run", "foreign", "-w", "100ms", "--", "true");

      expect(await blocked.ended()).toBe(75);
      expect(blocked.stderr).toContain(
        "The key microlock/foreign/config has no lease and will never expire: delete it to free the lock",
      );
      await locks.forceRelease("foreign", { reason: "in the way", graceMs: 0 });
      expect(await microlock("run", "foreign", "-n", "--", "true").ended()).toBe(0);
      await deleteKey(locks.etcd, "foreign/config");
    });

    it("9: takes turns with etcdctl lock, though its keys and values say more", async () => {
      const holder = microlock("run", "turns", "--reason", "first", ...untilStdinEnds);
      await holder.prints("start");
      const theirs = etcdctl("lock", locks.keyOf("turns"), "--", "sh", "-c", "echo theirs; cat");
      await onlooker.waitersAre("turns", 1);
      const last = microlock("run", "turns", "--", "echo", "ours");
      await onlooker.waitersAre("turns", 2);

      const { key, lease } = await onlooker.holderOf("turns");
      expect(key).toBe(`microlock/turns/${lease.toString(16)}-1`);
      const [entry] = await entriesBelow(locks.etcd, key);
      expect(JSON.parse(textOf(entry?.value ?? new Uint8Array()))).toMatchObject({
        reason: "first",
      });
      expect(theirs.stdout + last.stdout).toBe("");
      holder.stdin.end();

      await Promise.all([holder, theirs, last].map((each) => each.ended()));
      expect([theirs.stdout, last.stdout]).toEqual(["theirs\n", "ours\n"]);
    });

    it("10: stands in several queues at one revision, so that nobody waits for each other", async () => {
      const other = await connect(store.endpoint);
      const hold = await locks.acquire(["many/1", "many/2"]);
      const revisions = await Promise.all(
        hold.keys.map(async (key) => (await entriesBelow(locks.etcd, key))[0]?.createRevision),
      );
      expect(revisions).toEqual([hold.fencingToken, hold.fencingToken]);
      await hold.release();

      const rounds = Array.from({ length: 20 }, async () => {
        await Promise.all([
          locks.run(["many/1", "many/2"], async () => {}),
          other.run(["many/2", "many/1"], async () => {}),
        ]);
      });
      await Promise.all(rounds);
      await other.close();
    });

    it("11: goes by the TTL that is granted, which is longer than one that is asked for", async () => {
      const client = await connect(store.endpoint, { ttlMs: 500 });
      const hold = await client.acquire("short");

      const { grantedTtl } = await client.etcd.leaseTimeToLive({ id: hold.lease });
      expect(grantedTtl).toBe(2n);
      expect(hold.remainingMs).toBeGreaterThan(1_000);
      expect(hold.remainingMs).toBeLessThanOrEqual(2_000);
      await client.close();
    });

    it("12: takes as many locks at once as etcd's limit has room for, and says so of more", async () => {
      const names = Array.from({ length: 127 }, (_, index) => `limit/${index}`);

      await expect(locks.acquire(names)).rejects.toThrow(TooManyNamesError);
      expect(await locks.inspect("limit/0")).toMatchObject({ holders: [] });
      const hold = await locks.acquire(names.slice(1));
      await hold.release();
    });

    it("13: leaves locks of the package etcd3 alone, which are in no queue", async () => {
      const client = new Etcd3({ hosts: store.endpoint });
      const theirs = await client.lock("microlock/single").acquire();

      const hold = await locks.tryAcquire("single");
      expect(hold?.held).toBe(true);
      await hold?.release();
      expect(await client.get("microlock/single").exists()).toBe(true);
      await theirs.release();
      client.close();
    });

    it("13: takes turns with elections of the package etcd3, and sees their values", async () => {
      const client = new Etcd3({ hosts: store.endpoint });
      const ours = await connect(store.endpoint, { namespace: "election/" });
      const queue = new Onlooker(ours);
      const rival = client.election("thirteen").campaign("theirs");
      await new Promise((resolve) => rival.once("elected", resolve));

      const campaigning = ours.election("thirteen").campaign("ours");
      expect(await ours.election("thirteen").leader()).toMatchObject({ value: "theirs" });
      await queue.waitersAre("thirteen", 1);
      const again = client.election("thirteen").campaign("theirs again");
      await queue.waitersAre("thirteen", 2);
      await rival.resign();

      const leadership = await campaigning;
      expect(await client.election("thirteen").leader()).toBe("ours");
      const elected = new Promise((resolve) => again.once("elected", resolve));
      await leadership.resign();
      await elected;
      await again.resign();
      await ours.close();
      client.close();
    });
  });
});

describe("microlock on an etcd that never answers", () => {
  it("6: gives up when the times are over that it was given", async () => {
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const startedAt = performance.now();

    const child = startCli(`127.0.0.1:${port}`, [
      ...["run", "silent", "--dial-timeout=500ms", "--command-timeout=1s", "--", "echo", "never"],
    ]);

    expect(await child.ended()).toBe(69);
    expect(child.stdout).toBe("");
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    server.close();
  });
});
