import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import { type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

let server: EtcdServer;
let names = 0;

beforeAll(async () => {
  server = await startEtcd();
});

afterAll(() => server.stop());

const fresh = (): string => `cli-${++names}`;

function microlock(...argv: readonly string[]): CliProcess {
  return new CliProcess(argv, { ETCDCTL_ENDPOINTS: server.endpoint });
}

/** What etcdctl writes while it goes on, and how to end it. */
function etcdctl(...argv: readonly string[]) {
  const args = [`--endpoints=${server.endpoint}`, ...argv];
  const child = spawn(server.binaries.etcdctl ?? "", args, { env: { ETCDCTL_API: "3" } });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more) => {
    text += more;
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return {
    said: async (part: string) => {
      await eventually(() => text.includes(part), { withinMs: 10_000 });
      return text;
    },
    get text() {
      return text;
    },
    async interrupt() {
      child.kill("SIGINT");
      await once(child, "exit");
    },
  };
}

async function keysBelow(prefix: string): Promise<readonly string[]> {
  const { stdout } = await server.etcdctl("get", "--prefix", "--keys-only", prefix);
  return stdout.split("\n").filter((line) => line !== "");
}

async function leases(): Promise<string> {
  return (await server.etcdctl("lease", "list")).stdout;
}

describe("microlock lock", () => {
  it("waits for etcdctl lock, and lets it wait", async () => {
    const name = fresh();
    const first = etcdctl("lock", `microlock/${name}`);
    await first.said(name);
    const ours = microlock("lock", name);
    await eventually(() => ours.process.exitCode === null);
    const refused = microlock("lock", "-n", name);
    expect(await refused.ended).toBe(75);
    expect(ours.stdout).toBe("");

    await first.interrupt();
    await ours.lines(1);
    const second = etcdctl("lock", `microlock/${name}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(second.text).toBe("");
    ours.process.stdin?.end();

    await second.said(name);
    expect(await ours.ended).toBe(0);
    await second.interrupt();
  });

  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "lets go by %s, and leaves no lease",
    async (signal) => {
      const before = await leases();
      const env = { ETCDCTL_ENDPOINTS: server.endpoint };
      const ours = new CliProcess(["lock", fresh()], env, "ignore");
      const [token] = await ours.lines(1);
      // Nothing but the lock keeps it alive.
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(ours.process.exitCode).toBeNull();

      ours.process.kill(signal);

      expect(await ours.ended).toBe(0);
      expect(token).toMatch(/^\d+$/);
      expect(await leases()).toBe(before);
      expect(ours.stderr).toBe("");
    },
  );

  it("leaves nothing when it is ended while it waits", async () => {
    const name = fresh();
    const holder = microlock("lock", name);
    await holder.lines(1);
    const ours = microlock("lock", "--verbose", name);
    await eventually(() => ours.stderr.includes("waiting"), { withinMs: 10_000 });

    ours.process.kill("SIGINT");

    expect(await ours.ended).toBe(130);
    expect(await keysBelow(`microlock/${name}/`)).toHaveLength(1);
    holder.process.stdin?.end();
    expect(await holder.ended).toBe(0);
    expect(await keysBelow(`microlock/${name}/`)).toEqual([]);
  });
});

describe("microlock elect", () => {
  it("writes what etcdctl elect writes, and each sees the other lead", async () => {
    const name = fresh();
    const theirs = etcdctl("elect", `microlock/${name}`, "them");
    const [theirKey = ""] = (await theirs.said("them")).split("\n");
    const seen = microlock("elect", "--observe", name);
    expect(await seen.lines(2)).toEqual([theirKey, "them"]);
    const ours = microlock("elect", name, "us");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ours.stdout).toBe("");

    await theirs.interrupt();
    const [ourKey = "", value] = await ours.lines(2);
    const listening = etcdctl("elect", "-l", `microlock/${name}`);

    expect(value).toBe("us");
    expect(await listening.said("us")).toBe(`${ourKey}\nus\n`);
    expect((await seen.lines(4)).slice(2)).toEqual([ourKey, "us"]);
    seen.process.kill("SIGINT");
    expect(await seen.ended).toBe(130);
    ours.process.stdin?.end();
    expect(await ours.ended).toBe(0);
    expect(await keysBelow(`microlock/${name}/`)).toEqual([]);
  });

  it("stops its command when the leadership is taken away, and ends with 79", async () => {
    const name = fresh();
    const ours = microlock("elect", name, "us", "--", "sh", "-c", "echo up; exec sleep 60");
    await ours.lines(1);
    await server.etcdctl("del", "--prefix", `microlock/${name}/`);

    expect(await ours.ended).toBe(79);
  });
});
