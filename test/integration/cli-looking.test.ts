import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { bytesOf } from "../../src/core/keys.ts";
import type { Locks } from "../../src/locks.ts";
import { type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { soon } from "../support/server-state.ts";
import { type Cli, endAll, startCli, startProgram } from "../support/start-cli.ts";

const main = new URL("../../dist/cli/main.cjs", import.meta.url).pathname;

describe("the commands that look at locks", () => {
  let server: EtcdServer;
  let locks: Locks;

  beforeAll(async () => {
    server = await startEtcd();
  });

  afterAll(async () => {
    endAll();
    await server.stop();
  });

  beforeEach(async () => {
    locks = await connect(server.endpoint, { nodeId: "the test", ttlMs: 2_000 });
  });

  afterEach(async () => {
    await locks.close();
    endAll();
    await server.etcdctl("del", "", "--from-key");
  });

  const cli = (...args: readonly string[]): Cli => startCli(server.endpoint, args);

  async function leases(): Promise<number> {
    const { stdout } = await server.etcdctl("lease", "list");
    return Number(/found (\d+) leases/.exec(stdout)?.[1]);
  }

  /** A holder that is none of ours. */
  async function foreignHolder(key: string): Promise<void> {
    const { stdout } = await server.etcdctl("lease", "grant", "60");
    const lease = /lease ([0-9a-f]+)/.exec(stdout)?.[1] ?? "";
    await server.etcdctl("put", `${key}/${lease}`, "", `--lease=${lease}`);
  }

  it("list ours and foreign ones, for people who see columns and for programs", async () => {
    await locks.acquire("orders/1", { reason: "import" });
    await foreignHolder("microlock/nightly");
    const lines = cli("ls");
    const json = cli("ls", "--json");
    expect(await lines.ended()).toBe(0);
    expect(await json.ended()).toBe(0);

    const [nightly, orders] = lines.stdout.split("\n").map((line) => line.split("\t"));
    expect(nightly?.[0]).toBe("nightly");
    expect(nightly?.[6]).toMatch(/^microlock\/nightly\/[0-9a-f]+$/);
    expect(orders?.slice(6)).toEqual(["the test", "import"]);
    expect(
      json.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line).name),
    ).toEqual(["nightly", "orders/1"]);
    expect(lines.stderr).toBe("");
  });

  it("say at once that there is no etcd", async () => {
    const startedAt = performance.now();
    const gone = startCli("127.0.0.1:1", ["inspect", "jobs"]);
    expect(await gone.ended()).toBe(69);
    expect(gone.stderr).toMatch(/^microlock inspect: No etcd answers.*\n$/);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it("list thousands to a slow reader, end quietly when it has gone, and leave no lease", async () => {
    const put = (from: number): Promise<unknown> =>
      locks.etcd.txn({
        success: Array.from({ length: 125 }, (_, index) => ({
          op: "put" as const,
          request: { key: bytesOf(`microlock/n${from + index}/1-1`), value: new Uint8Array() },
        })),
      });
    for (let from = 0; from < 3_000; from += 1_000) {
      await Promise.all(Array.from({ length: 8 }, (_, index) => put(from + index * 125)));
    }
    const before = await leases();
    const script = '"$0" "$1" ls --json 2>&1 | head -n 1; echo "$PIPESTATUS"';
    const piped = startProgram("bash", ["-c", script, process.execPath, main], {
      ETCDCTL_ENDPOINTS: server.endpoint,
    });
    expect(await piped.ended()).toBe(0);
    const [first = "", code] = piped.stdout.split("\n");
    expect(JSON.parse(first).name).toBe("n0");
    expect(code).toBe("141");
    await soon(async () => expect(await leases()).toBe(before));

    const all = cli("ls");
    await all.ended();
    expect(all.stdout.split("\n")).toHaveLength(3_001);
  });

  it("tell what happens, until Ctrl-C, and leave no lease", async () => {
    const before = await leases();
    const watch = cli("watch", "--json");
    await soon(async () => expect(await leases()).toBe(before + 1));
    const told = (): string => {
      const lines = watch.stdout.split("\n").slice(0, -1);
      return lines.map((line) => JSON.parse(line).event).join(" ");
    };
    // The first time it may begin to watch in the middle of it.
    await soon(async () => {
      await locks.run("jobs", () => {});
      expect(told()).toContain("joined acquired released");
    });
    watch.signal("SIGINT");
    expect(await watch.ended()).toBe(130);
    expect(await leases()).toBe(before);
  });

  it("wait until a foreign holder has gone", async () => {
    await foreignHolder("microlock/jobs");
    const look = cli("wait", "-n", "jobs");
    expect(await look.ended()).toBe(75);
    expect(look.stderr).toMatch(/already locked by microlock\/jobs\/[0-9a-f]+\n$/);
    const wait = cli("wait", "jobs");
    await server.etcdctl("del", "--prefix", "microlock/jobs/");
    expect(await wait.ended()).toBe(0);
    expect(wait.stdout + wait.stderr).toBe("");
  });

  it("take a lock away from a command that runs, which hears who and why", async () => {
    const run = cli("run", "jobs", "--verbose", "--", "sleep", "60");
    await soon(() => expect(run.stderr).toContain("is ours"));
    const release = cli("release", "--force", "jobs", "--reason", "it hangs", "--by", "Ada", "-y");
    expect(await release.ended()).toBe(0);
    expect(release.stdout).toMatch(/^jobs\t.*\tsleep\n$/);
    expect(await run.ended()).toBe(79);
    expect(run.stderr).toContain("Revoked by Ada: it hangs");
  });

  it("find processes that wait for each other", async () => {
    const other = await connect(server.endpoint, { nodeId: "other", ttlMs: 2_000 });
    await locks.acquire("a");
    await other.acquire("b");
    locks.acquire("b").catch(() => {});
    other.acquire("a").catch(() => {});
    await soon(async () => {
      const found = cli("deadlocks");
      expect(await found.ended()).toBe(1);
      const waits = found.stdout
        .trim()
        .split("\n")
        .map((line) => line.split("\t"));
      expect(waits.map(([cycle, who, name]) => `${cycle} ${who} ${name}`).sort()).toEqual([
        "1 other a",
        "1 the test b",
      ]);
    });
    await other.close();
    expect(await cli("deadlocks").ended()).toBe(0);
  });

  // script(1) of util-linux gives a terminal to a program.
  it.runIf(process.platform === "linux")(
    "fill a terminal, and give it back on Ctrl-C",
    async () => {
      await locks.acquire("jobs");
      const command = `trap : INT; stty cols 60 rows 10; "${process.execPath}" "${main}" ls --live; echo "code $?"`;
      const terminal = startProgram("script", ["-qec", command, "/dev/null"], {
        ETCDCTL_ENDPOINTS: server.endpoint,
        NO_COLOR: "",
        SHELL: "/bin/sh",
        TERM: "xterm",
      });
      await terminal.prints("the test");
      // What a terminal makes of it.
      terminal.stdin.write("\u0003");
      await terminal.prints("code ");
      expect(terminal.stdout).toContain("\u001b[?1049h\u001b[?25l");
      expect(terminal.stdout).toMatch(/\[\?25h.\[\?1049l(\^C)?\s*code 130/);
      terminal.stdin.end();
      await terminal.ended();
    },
  );
});
