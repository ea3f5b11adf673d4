import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, inject, it, vi } from "vitest";
import {
  describeOnEveryEtcd,
  type EtcdCluster,
  type EtcdServer,
  startCluster,
  startEtcd,
} from "../support/etcd-server.ts";

const modulePath = new URL("../../scripts/etcd-server.mjs", import.meta.url).href;

describeOnEveryEtcd("startEtcd", (version) => {
  let server: EtcdServer;

  beforeEach(async () => {
    server = await startEtcd({ version });
  });
  afterEach(() => server.stop());

  it("starts a server of that version, which answers", async () => {
    expect(server.version.startsWith(version)).toBe(true);
    const answer = await fetch(`${server.url}/version`);
    expect(await answer.json()).toMatchObject({ etcdserver: server.version });
  });

  it("runs etcdctl against it, and hands over how that ended", async () => {
    expect(await server.etcdctl("put", "greeting", "hello")).toMatchObject({ code: 0 });
    expect((await server.etcdctl("get", "greeting")).stdout).toBe("greeting\nhello\n");
    expect((await server.etcdctl("no-such-command")).code).not.toBe(0);
  });

  it("keeps address and data over a restart, and over a crash", async () => {
    await server.etcdctl("put", "greeting", "hello");
    const first = server.pid;

    await server.restart();
    expect(server.pid).not.toBe(first);
    expect((await server.etcdctl("get", "greeting")).stdout).toContain("hello");

    await server.kill();
    expect(() => server.pid).toThrow("does not run");
    await server.restart();
    expect((await server.etcdctl("get", "greeting")).stdout).toContain("hello");
  });

  it("stops even when it is paused, and takes its data along", async () => {
    const { pid, dataFolder } = server;
    expect(existsSync(dataFolder)).toBe(true);

    server.signal("SIGSTOP");
    await server.stop();

    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dataFolder)).toBe(false);
  });

  it("passes flags on", async () => {
    await server.stop();
    server = await startEtcd({ version, args: ["--max-request-bytes=100"] });
    const { stderr } = await server.etcdctl("put", "key", "x".repeat(2_000));
    expect(stderr).toContain("request is too large");
  });

  it("says what etcd said when it does not start", async () => {
    await expect(startEtcd({ version, args: ["--no-such-flag"] })).rejects.toThrow("no-such-flag");
  });
});

it("leaves no server behind when the process that started it is killed", async () => {
  const program = `
    const { startServer } = await import(${JSON.stringify(modulePath)});
    const server = await startServer(${JSON.stringify(inject("etcds").at(-1))});
    console.log(server.pid, server.dataFolder);`;
  const starter = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = await once(starter.stdout, "data");
  const [pid, dataFolder] = String(output).trim().split(" ") as [string, string];
  expect(isRunning(Number(pid))).toBe(true);

  starter.kill("SIGKILL");

  await vi.waitFor(() => {
    expect(isRunning(Number(pid))).toBe(false);
    expect(existsSync(dataFolder)).toBe(false);
  }, 5_000);
});

describeOnEveryEtcd("startCluster", (version) => {
  let cluster: EtcdCluster;

  beforeEach(async () => {
    cluster = await startCluster(3, { version });
  });
  afterEach(() => cluster.stop());

  it("starts members that share their data", async () => {
    const [first, , third] = cluster.members;
    await first?.etcdctl("put", "greeting", "hello");
    expect((await third?.etcdctl("get", "greeting"))?.stdout).toContain("hello");
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
