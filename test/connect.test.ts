import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../src/clock.ts";
import { connect } from "../src/connect.ts";
import { InvalidOptionError, StoreUnavailableError } from "../src/errors.ts";
import type { Locks } from "../src/locks.ts";

const open: Locks[] = [];
const damaged = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n";

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const locks of open.splice(0)) await locks.close();
});

async function memory(options = {}): Promise<Locks> {
  const locks = await connect("memory:", options);
  open.push(locks);
  return locks;
}

describe("connect", () => {
  it.each([
    ["target", ["", {}]],
    ["target", ["127.0.0.1:port", {}]],
    ["target", ["127.0.0.1:70000", {}]],
    ["target", ["ftp://127.0.0.1:2379", {}]],
    ["target", [[], {}]],
    ["target", [[7], {}]],
    ["target", [7, {}]],
    ["target", [null, {}]],
    ["target", [new URL("http://127.0.0.1:1")]],
    ["target", ["[127]:1"]],
    ["options", ["memory:", null]],
    ["options", ["memory:", new Map()]],
    ["options", ["memory:", 7]],
    ["options.ttl", ["memory:", { ttl: 5 }]],
    ["ttlMs", ["memory:", { ttlMs: Number.NaN }]],
    ["ttlMs", ["memory:", { ttlMs: -1 }]],
    ["ttlMs", ["memory:", { ttlMs: 0 }]],
    ["ttlMs", ["memory:", { ttlMs: 0.5 }]],
    ["ttlMs", ["memory:", { ttlMs: "5" }]],
    ["ttlMs", ["memory:", { ttlMs: 9e12 + 1 }]],
    ["callTimeoutMs", ["memory:", { callTimeoutMs: -5 }]],
    ["callTimeoutMs", ["memory:", { callTimeoutMs: Number.POSITIVE_INFINITY }]],
    ["namespace", ["memory:", { namespace: 7 }]],
    ["namespace", ["memory:", { namespace: "\ud800" }]],
    ["namespace", ["memory:", { namespace: "x".repeat(4_097) }]],
    ["nodeId", ["memory:", { nodeId: {} }]],
    ["nodeId", ["memory:", { nodeId: "" }]],
    ["auth.user", ["memory:", { auth: { user: "x" } }]],
    ["auth.password", ["127.0.0.1:1", { auth: { username: "x" } }]],
    ["auth", ["memory:", { auth: { username: "x", password: "y" } }]],
    ["tls.ca", ["127.0.0.1:1", { tls: { ca: "/etc/ca.pem" } }]],
    ["auth.username", ["127.0.0.1:1", { auth: { username: "", password: "x" } }]],
    ["tls.ca", ["127.0.0.1:1", { tls: { ca: 7 } }]],
    ["tls.ca", ["127.0.0.1:1", { tls: { ca: damaged } }]],
    ["tls.cert", ["127.0.0.1:1", { tls: { cert: damaged, key: damaged } }]],
    ["tls", ["http://127.0.0.1:1", { tls: {} }]],
    ["tls", ["127.0.0.1:1", { tls: { cert: "-----BEGIN CERTIFICATE-----" } }]],
    ["store", [undefined, { store: {} }]],
    ["clock", ["memory:", { clock: {} }]],
    ["clock", ["memory:", { clock: systemClock }]],
  ])("says at once what is wrong with %s", async (option, [target, options]) => {
    const error = await connect(target as string, options as object).catch((reason) => reason);

    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ code: "INVALID_OPTION", option });
    expect(error.message).toMatch(/ must be .+, but is /);
  });

  it("says at once, and by address, when no etcd answers", async () => {
    const server = createServer();
    const endpoint = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const startedAt = performance.now();
    const error = await connect(endpoint).catch((reason) => reason);

    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toContain(endpoint);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it("goes where etcdctl would without a target", async () => {
    vi.stubEnv("ETCDCTL_ENDPOINTS", "127.0.0.1:1,127.0.0.1:2");
    await expect(connect()).rejects.toThrow(/127\.0\.0\.1:1/);
    await expect(connect({ ttlMs: 5_000 })).rejects.toThrow(/127\.0\.0\.1:2/);
  });

  it("names the variable when a file of etcdctl's cannot be read", async () => {
    vi.stubEnv("ETCDCTL_CACERT", "/nowhere/ca.pem");
    await expect(connect()).rejects.toMatchObject({ option: "ETCDCTL_CACERT" });
  });

  it.each([
    ["ETCDCTL_ENDPOINTS", { ETCDCTL_ENDPOINTS: "a b" }],
    ["ETCDCTL_USER", { ETCDCTL_USER: "root" }],
    ["ETCDCTL_USER", { ETCDCTL_USER: ":password" }],
    ["ETCDCTL_KEY", { ETCDCTL_CERT: "/nowhere/cert.pem" }],
    [
      "ETCDCTL_CACERT",
      { ETCDCTL_CACERT: fileURLToPath(new URL("../package.json", import.meta.url)) },
    ],
  ])("names the variable when what etcdctl takes is wrong in %s", async (option, variables) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    await expect(connect()).rejects.toMatchObject({ code: "INVALID_OPTION", option });
  });

  it("shows no password when the user is given in a wrong way", async () => {
    await expect(connect("127.0.0.1:1", { auth: "u:secret" as never })).rejects.toThrow(
      /^auth must be (?!.*secret)/,
    );
    vi.stubEnv("ETCDCTL_USER", ":secret");
    await expect(connect()).rejects.toThrow(/^ETCDCTL_USER must be (?!.*secret)/);
  });

  it("does not read etcdctl's files for an address in plain text, as etcdctl does not", async () => {
    vi.stubEnv("ETCDCTL_ENDPOINTS", "http://127.0.0.1:1");
    vi.stubEnv("ETCDCTL_CACERT", "/nowhere/ca.pem");
    await expect(connect()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  describe("with files for TLS", () => {
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "microlock-"));
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    it("reads them as etcdctl does", async () => {
      const path = join(folder, "ca.pem");
      writeFileSync(path, "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n");
      vi.stubEnv("ETCDCTL_CACERT", path);
      vi.stubEnv("ETCDCTL_ENDPOINTS", "127.0.0.1:1");
      await expect(connect()).rejects.toMatchObject({
        code: expect.stringMatching(/^(STORE|INV)/),
      });
    });
  });

  it("has all clients of a process share the store in memory", async () => {
    const [one, two] = [await memory({ nodeId: "one" }), await memory()];
    const hold = await one.acquire("connect.test");
    expect(await two.tryAcquire("connect.test")).toBeUndefined();
    await hold.release();
    const next = await two.acquire("connect.test");
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.release();
  });

  it("keeps namespaces apart", async () => {
    const [one, two] = [await memory(), await memory({ namespace: "other/" })];
    expect([one.keyOf("a/b%"), two.keyOf("a")]).toEqual(["microlock/a%2Fb%25", "other/a"]);
    await one.run("connect.test", async () => {
      await two.run("connect.test", { waitMs: 0 }, () => {});
    });
  });
});

describe("Locks", () => {
  it.each(["", 7, null, undefined, "\ud800", "x".repeat(4_097), {}])(
    "refuses a wrong name before anything is sent",
    async (name) => {
      const locks = await memory();
      const error = await locks.acquire(name as string).catch((reason) => reason);
      expect(error).toMatchObject({ code: "INVALID_OPTION", option: "name" });
      expect(() => locks.keyOf(name as string)).toThrow(InvalidOptionError);
    },
  );

  it.each([
    ["waitMs", { waitMs: Number.NaN }],
    ["waitMs", { waitMs: -1 }],
    ["waitMs", { waitMs: "5" }],
    ["signal", { signal: "stop" }],
    ["signal", { signal: new AbortController() }],
    ["reason", { reason: 7 }],
    ["reason", { reason: "x".repeat(4_097) }],
    ["options.waitMS", { waitMS: 5 }],
    ["options", 5],
  ])("refuses a wrong %s before anything is sent", async (option, options) => {
    const locks = await memory();
    const refused = locks.acquire("connect.test", options as object);
    await expect(refused).rejects.toMatchObject({ code: "INVALID_OPTION", option });
    await expect(locks.run("connect.test", options as object, () => {})).rejects.toMatchObject({
      option,
    });
    await expect(locks.run("connect.test", 5 as never)).rejects.toMatchObject({ option: "work" });
  });

  it("gives up at once when the signal has aborted already", async () => {
    const locks = await memory();
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(locks.acquire("connect.test", { signal })).rejects.toThrow("never mind");
    await expect(locks.tryAcquire("connect.test", { signal })).rejects.toThrow("never mind");
  });

  it("takes longest names and names of all kinds", async () => {
    const locks = await memory();
    for (const name of ["x".repeat(4_096), "🔒".repeat(1_000), "%2F", "a\0b", " ", "../.."]) {
      const hold = await locks.acquire(name, { waitMs: 0 });
      expect(hold.name).toBe(name);
      await hold.release();
    }
  });

  it("sends those away with ClosedError who asked just before it was closed", async () => {
    const locks = await connect("memory:");
    const asked = [locks.acquire("connect.test"), locks.tryAcquire("connect.test")];
    const outcomes = Promise.allSettled(asked);
    await locks.close();
    expect(await outcomes).toMatchObject([
      { reason: { code: "CLOSED" } },
      { reason: { code: "CLOSED" } },
    ]);
  });

  it("can be closed twice, and is of no use afterwards", async () => {
    const locks = await connect("memory:");
    await Promise.all([locks.close(), locks.close()]);
    await locks[Symbol.asyncDispose]();
    await expect(locks.tryAcquire("connect.test")).rejects.toMatchObject({ code: "CLOSED" });
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address ? `127.0.0.1:${address.port}` : "";
}
