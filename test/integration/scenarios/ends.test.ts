import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { ConnectOptions } from "../../../src/connect-options.ts";
import type { Locks } from "../../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../../support/etcd-server.ts";
import { startProcess, type Worker } from "../../support/start-worker.ts";

const script = new URL("../../support/ending-worker.mjs", import.meta.url);
// Far longer than anything here takes, so that what is released was not just left to its lease.
const ttlMs = 20_000;

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("when a process ends,", (version) => {
  let server: EtcdServer;
  let locks: Locks;
  let count = 0;

  beforeAll(async () => {
    server = await startEtcd({ version });
    locks = await connect(server.endpoint, { ttlMs });
  });

  afterAll(async () => {
    await locks.close();
    await server.stop();
  });

  async function holder(
    how: string,
    options: ConnectOptions,
  ): Promise<{ worker: Worker; name: string }> {
    const name = `ending ${++count}`;
    const worker = startProcess(script, [server.endpoint, name, JSON.stringify(options), how]);
    await worker.hears("token");
    return { worker, name };
  }
  const isFree = async (name: string): Promise<boolean> =>
    (await locks.inspect(name)).holders.length === 0;

  const thread: ConnectOptions = { ttlMs, keepAlive: "thread", closeOn: ["exit"] };
  it.concurrent.each<[string, ConnectOptions, number]>([
    ["exit", thread, 3],
    ["throw", thread, 1],
    ["reject", thread, 1],
    ["end by itself", thread, 0],
    ["end by itself", { ttlMs, closeOn: ["beforeExit"] }, 0],
  ])(
    "scenario 28: its lock is released when it is to %s, if it asked for that by %j",
    async (how, options, code) => {
      const { worker, name } = await holder(how, options);
      worker.tell("end");
      expect(await worker.ended()).toBe(code);
      expect(await isFree(name)).toBe(true);
    },
  );

  it.concurrent.each<[NodeJS.Signals, ConnectOptions]>([
    ["SIGTERM", { ttlMs, closeOn: ["SIGTERM", "SIGINT"] }],
    ["SIGINT", { ttlMs, closeOn: ["SIGTERM", "SIGINT"] }],
    ["SIGTERM", { ttlMs, keepAlive: "thread", closeOn: ["SIGTERM"] }],
  ])("scenario 28: it releases its lock upon %s, and is ended by that", async (signal, options) => {
    const { worker, name } = await holder("wait for a signal", options);
    worker.tell("end");
    await new Promise((resolve) => setTimeout(resolve, 100));
    worker.signal(signal);
    expect(await worker.ended()).toBe(null);
    expect(await isFree(name)).toBe(true);
  });

  it.concurrent("scenario 28: it leaves its end to whoever else listens to the signal", async () => {
    const { worker, name } = await holder("listen itself", { ttlMs, closeOn: ["SIGTERM"] });
    worker.tell("end");
    await new Promise((resolve) => setTimeout(resolve, 100));
    worker.signal("SIGTERM");
    await worker.hears("asked");
    expect(await worker.ended()).toBe(0);
    expect(await isFree(name)).toBe(true);
  });

  it.concurrent.each([
    ["exit", 3],
    ["throw", 1],
    ["kill itself", null],
    ["end by itself", 0],
  ] as const)(
    "scenario 28: its lock goes with its lease when it is to %s, and asked for nothing",
    async (how, code) => {
      const { worker, name } = await holder(how, { ttlMs: 3_000 });
      worker.tell("end");
      expect(await worker.ended()).toBe(code);
      expect(await isFree(name)).toBe(false);
      await locks.run(name, { waitMs: 10_000 }, async () => {});
    },
  );

  it.concurrent("keeps a lock through six seconds of computing at a TTL of three, with a thread for its lease", async () => {
    const { worker } = await holder("compute", { ttlMs: 3_000, keepAlive: "thread" });
    worker.tell("end");
    expect(await worker.hears("computed")).toEqual({ held: true, aborted: false });
    expect(await worker.hears("later")).toBe(true);
    expect(await worker.hears("released")).toBe("done");
    expect(await worker.ended()).toBe(0);
  });

  it.concurrent.each<[string, ConnectOptions]>([
    ["without one", { ttlMs: 3_000 }],
    ["with one, for longer than stallMs", { ttlMs: 3_000, keepAlive: "thread", stallMs: 1_000 }],
  ])("loses it by that %s, and knows in its first line", async (_how, options) => {
    const { worker } = await holder("compute", options);
    worker.tell("end");
    expect(await worker.hears("computed")).toEqual({ held: false, aborted: true });
    expect(await worker.hears("told")).toBe("stalled");
    expect(await worker.hears("released")).toBe("stalled");
    expect(await worker.ended()).toBe(0);
  });

  it.concurrent("scenario 29: a fork and a worker thread share nothing with their parent, whatever becomes of them", async () => {
    const family = startProcess(new URL("../../support/family-worker.mjs", import.meta.url), [
      server.endpoint,
    ]);
    const members = await Promise.all(
      ["parent", "fork", "thread"].map((who) => family.hears<{ lease: string }>(who)),
    );
    expect(new Set(members.map(({ lease }) => lease)).size).toBe(3);
    family.tell("kill fork");
    family.tell("end thread");
    // Their leases end by themselves.
    await locks.run("fork", { waitMs: 10_000 }, async () => {});
    await locks.run("thread", { waitMs: 10_000 }, async () => {});

    family.tell("put");
    expect(await family.hears("put")).toBe("done");
    expect(family.facts.find((fact) => "parent lost" in fact)).toBe(undefined);
    family.tell("end");
    expect(await family.ended()).toBe(0);
    expect(await isFree("parent")).toBe(true);
    await locks.etcd.txn({
      success: [{ op: "deleteRange", request: { key: Buffer.from("family") } }],
    });
  });
});
