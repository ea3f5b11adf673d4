import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type EtcdServer, startServer } from "../../src/etcd/server/start-server.ts";
import { eventually } from "../support/eventually.ts";

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

describe.each(inject("etcds").map(({ series, etcdctl }) => [series, etcdctl ?? ""] as const))(
  "etcdctl %s on a server of our own",
  (_series, etcdctl) => {
    let server: EtcdServer;

    beforeAll(async () => {
      server = await startServer({ port: 0, keepsProcessAlive: false });
    });

    afterAll(() => server.close());

    const env = { PATH: process.env["PATH"], ETCDCTL_API: "3" };
    const flags = () => [`--endpoints=${server.address}`];

    function run(...args: string[]): Promise<Outcome> {
      return new Promise((resolve) => {
        const child = execFile(etcdctl, [...flags(), ...args], { env }, (error, stdout, stderr) => {
          resolve({ stdout, stderr, code: typeof error?.code === "number" ? error.code : 0 });
        });
        child.stdin?.end();
      });
    }

    async function says(...args: string[]): Promise<string> {
      const { stdout, stderr, code } = await run(...args);
      if (code !== 0) throw new Error(stderr);
      return stdout;
    }

    /** Runs until it is stopped. */
    function begin(...args: string[]): { child: ChildProcess; heard(): string } {
      const child = spawn(etcdctl, [...flags(), ...args], { env });
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      return { child, heard: () => text };
    }

    async function stop(child: ChildProcess): Promise<void> {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }

    it("puts, gets and deletes", async () => {
      expect(await says("put", "kv/a", "1")).toBe("OK\n");
      await says("put", "kv/b", "2");
      await says("put", "kv/a", "3");
      const json = JSON.parse(await says("get", "kv/a", "-w", "json"));
      const { revision } = json.header;
      expect(json.kvs[0]).toMatchObject({ version: 2, mod_revision: revision });
      expect(await says("get", "kv/", "--prefix")).toBe("kv/a\n3\nkv/b\n2\n");
      expect(await says("get", "kv/a", `--rev=${revision - 1}`, "--print-value-only")).toBe("1\n");
      const newest = ["--sort-by=MODIFY", "--order=DESCEND", "--limit=1"];
      expect(await says("get", "kv/", "--prefix", ...newest)).toBe("kv/a\n3\n");
      expect(await says("get", "kv/", "--prefix", "--keys-only")).toContain("kv/b\n");
      expect(await says("put", "kv/a", "4", "--prev-kv")).toBe("OK\nkv/a\n3\n");
      expect(await says("del", "kv/", "--prefix", "--prev-kv")).toBe("2\nkv/a\n4\nkv/b\n2\n");
      const { code, stderr } = await run("put", "");
      expect([code, stderr]).toEqual([
        expect.any(Number),
        expect.stringMatching(/key is not provided|put command needs/),
      ]);
    });

    it("runs transactions", async () => {
      const { child, heard } = begin("txn");
      child.stdin?.end('mod("t") = "0"\n\nput t 1\nget t\n\nget t\n\n');
      await once(child, "exit");
      expect(heard()).toMatch(/^SUCCESS\n\nOK\n\nt\n1/m);
    });

    it("grants, looks at, renews, lists and revokes leases", async () => {
      const [, lease = ""] = (await says("lease", "grant", "60")).split(" ");
      await says("put", "leased", "1", `--lease=${lease}`);
      expect(await says("lease", "timetolive", lease, "--keys")).toContain(
        "attached keys([leased])",
      );
      expect(await says("lease", "list")).toContain(lease);
      expect(await says("lease", "keep-alive", "--once", lease)).toContain(
        "keepalived with TTL(60)",
      );
      expect(await says("lease", "revoke", lease)).toContain("revoked");
      expect(await says("get", "leased")).toBe("");
      expect((await run("lease", "revoke", lease)).stderr).toContain("requested lease not found");
    });

    it("watches", async () => {
      const { child, heard } = begin("watch", "w/", "--prefix", "--prev-kv");
      await eventually(() => server.counts().watches === 1);
      await says("put", "w/a", "1");
      await says("put", "w/a", "2");
      await says("del", "w/a");
      const story = "PUT\nw/a\n1\nPUT\nw/a\n1\nw/a\n2\nDELETE\nw/a\n2\nw/a\n\n";
      await eventually(() => heard() === story);
      await stop(child);

      const json = JSON.parse(await says("get", "w/a", "-w", "json"));
      const past = begin("watch", "w/", "--prefix", `--rev=${json.header.revision - 2}`);
      await eventually(() => past.heard() === "PUT\nw/a\n1\nPUT\nw/a\n2\nDELETE\nw/a\n\n");
      await stop(past.child);

      const asked = begin("watch", "-i");
      asked.child.stdin?.write("watch w/b\n");
      await eventually(() => server.counts().watches === 1);
      asked.child.stdin?.write("progress\n");
      await eventually(() => asked.heard().includes("progress notify: "));
      await stop(asked.child);
      await eventually(() => server.counts().watches === 0);
    });

    it("compacts", async () => {
      await says("put", "c", "1");
      await says("put", "c", "2");
      const { revision } = JSON.parse(await says("get", "c", "-w", "json")).header;
      expect(await says("compaction", String(revision), "--physical")).toContain(
        "compacted revision",
      );
      const { stderr } = await run("get", "c", `--rev=${revision - 1}`);
      expect(stderr).toContain("etcdserver: mvcc: required revision has been compacted");
    });

    it("locks in turn, and elects", async () => {
      const first = begin("lock", "jobs");
      await eventually(() => first.heard().startsWith("jobs/"));
      const second = begin("lock", "jobs", "echo", "mine");
      await eventually(() => server.counts().leases === 2);
      expect(second.heard()).toBe("");
      await stop(first.child);
      await once(second.child, "exit");
      expect(second.heard()).toBe("mine\n");

      const leader = begin("elect", "chief", "one");
      await eventually(() => leader.heard().includes("one\n"));
      const listener = begin("elect", "-l", "chief");
      await eventually(() => listener.heard().includes("one\n"));
      await stop(listener.child);
      await stop(leader.child);
    });

    it("asks after endpoints, members and alarms", async () => {
      const { stdout, stderr } = await run("endpoint", "health");
      expect(stdout + stderr).toContain(`${server.address} is healthy`);
      expect(await says("endpoint", "status")).toContain("3.5.30+microlock");
      expect(await says("endpoint", "hashkv")).toMatch(/^127\.0\.0\.1:\d+, \d+\n$/);
      expect(await says("member", "list")).toContain(`started, microlock, , ${server.url}, false`);
      expect(await says("alarm", "list")).toBe("");
    });
  },
);
