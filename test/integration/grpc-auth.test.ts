import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect as connectLocks } from "../../src/connect.ts";
import { StoreDeniedError } from "../../src/errors.ts";
import { GrpcEtcd, type GrpcEtcdOptions } from "../../src/etcd/grpc/grpc-etcd.ts";
import { rsaKeys } from "../support/certificates.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";

const open: GrpcEtcd[] = [];
const alice = { username: "alice", password: "wonder:land" };
const key = (name: string): Uint8Array => Buffer.from(name);

afterEach(async () => {
  await Promise.all(open.splice(0).map((etcd) => etcd.close()));
});

function connect(server: EtcdServer, auth?: GrpcEtcdOptions["auth"]): GrpcEtcd {
  const etcd = new GrpcEtcd({ endpoints: [server.endpoint], auth });
  open.push(etcd);
  return etcd;
}

const put = (etcd: GrpcEtcd, name: string) =>
  etcd.txn({ success: [{ op: "put", request: { key: key(name), value: key("v") } }] });

/** Resolves to what the watch is first told. */
function firstNews(etcd: GrpcEtcd, name: string): Promise<bigint | Error> {
  return new Promise((resolve) => {
    etcd.watch({ key: key(name) }, { onCreated: resolve, onEvents: () => {}, onEnd: resolve });
  });
}

/** Lets alice do as she likes with keys that begin with "a/", and nobody anything else. */
async function enableAuth(server: EtcdServer): Promise<void> {
  const { username, password } = alice;
  const commands = [
    ["user", "add", "root:secret"],
    ["role", "add", "root"],
    ["user", "grant-role", "root", "root"],
    ["role", "add", "a-keys"],
    ["role", "grant-permission", "a-keys", "--prefix=true", "readwrite", "a/"],
    ["user", "add", `${username}:${password}`],
    ["user", "grant-role", username, "a-keys"],
    ["auth", "enable"],
  ];
  for (const command of commands) {
    const { code, stderr } = await server.etcdctl(...command);
    if (code !== 0 && !stderr.includes("already exists")) throw new Error(stderr);
  }
}

/** Holds a lock for longer than the server's tokens are good, and without its rights for a while. */
async function keepsItsLock(server: EtcdServer): Promise<void> {
  const auth = { auth: alice, namespace: "a/", ttlMs: 3_000 };
  const [locks, other] = await Promise.all([
    connectLocks(server.endpoint, auth),
    connectLocks(server.endpoint, auth),
  ]);
  const hold = await locks.acquire("jobs");
  // It waits for longer than a token lives, but not while nobody has any rights: that would end it.
  await expect(other.acquire("jobs", { waitMs: 4_500 })).rejects.toMatchObject({
    code: "ALREADY_LOCKED",
  });
  expect(hold.held).toBe(true);
  await hold.put("a/data", "x");

  const permission = (...change: string[]) =>
    server.etcdctl("--user=root:secret", "role", ...change);
  await permission("revoke-permission", "a-keys", "--prefix=true", "a/");
  await expect(hold.put("a/data", "y")).rejects.toMatchObject({ code: "STORE_DENIED" });
  await permission("grant-permission", "a-keys", "--prefix=true", "readwrite", "a/");
  await hold.verify();
  await hold.delete("a/data");
  const waiting = other.acquire("jobs");
  await sleep(100);
  await hold.release();
  const next = await waiting;
  expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
  await next.release();
  await Promise.all([locks.close(), other.close()]);
}

describeOnEveryEtcd("GrpcEtcd with users", (version) => {
  describe("and simple tokens that live for two seconds", () => {
    let server: EtcdServer;

    beforeAll(async () => {
      server = await startEtcd({ version, args: ["--auth-token-ttl=2"] });
    });

    afterAll(() => server.stop());

    it("works without a token as long as authentication is not enabled", async () => {
      await put(connect(server, alice), "a/early");
    });

    describe("once authentication is enabled", () => {
      beforeAll(() => enableAuth(server));

      it("signs in, and may do what the user may", async () => {
        const etcd = connect(server, alice);
        await put(etcd, "a/key");
        const { id } = await etcd.leaseGrant({ ttl: 10n });
        await expect(etcd.leaseKeepAlive(id)).resolves.toMatchObject({ ttl: 10n });
        await expect(firstNews(etcd, "a/key")).resolves.toEqual(expect.any(BigInt));
      });

      it("scenario 16: is denied at once with a wrong password, or without any", async () => {
        const wrong = connect(server, { ...alice, password: "wrong" });
        await expect(put(wrong, "a/key")).rejects.toMatchObject({
          code: "STORE_DENIED",
          message: expect.stringContaining("authentication failed"),
        });
        await expect(firstNews(wrong, "a/key")).resolves.toBeInstanceOf(StoreDeniedError);
        await expect(put(connect(server), "a/key")).rejects.toMatchObject({
          code: "STORE_DENIED",
          message: "etcdserver: user name is empty (etcd has authentication enabled: give auth)",
        });
      });

      it("leaves no lease behind when the user may not use the namespace", async () => {
        const leases = () => server.etcdctl("--user", "root:secret", "lease", "list");
        const before = await leases();
        await expect(connectLocks(server.endpoint, { auth: alice })).rejects.toMatchObject({
          code: "STORE_DENIED",
          message: expect.stringMatching(/permission denied \(user "alice": .*namespace/),
        });
        expect(before).toMatchObject({ code: 0 });
        expect(await leases()).toEqual(before);
      });

      it("is denied what the user may not, and may go on with the rest", async () => {
        const etcd = connect(server, alice);
        await expect(put(etcd, "b/key")).rejects.toMatchObject({
          code: "STORE_DENIED",
          status: "PERMISSION_DENIED",
        });
        const allowed = firstNews(etcd, "a/key");
        await expect(firstNews(etcd, "b/key")).resolves.toBeInstanceOf(StoreDeniedError);
        await expect(allowed).resolves.toEqual(expect.any(BigInt));
        await put(etcd, "a/key");
      });

      it("signs in anew when the token has expired, for calls, keepalives and watches", async () => {
        const etcd = connect(server, alice);
        const revisions: bigint[] = [];
        etcd.watch(
          { key: key("a/old") },
          {
            onEvents: (events) => revisions.push(...events.map(({ kv }) => kv.modRevision)),
            onEnd: () => {},
          },
        );
        const { id } = await etcd.leaseGrant({ ttl: 60n });
        await put(etcd, "a/before");
        await sleep(4_000);

        await expect(firstNews(etcd, "a/new")).resolves.toEqual(expect.any(BigInt));
        await expect(etcd.leaseKeepAlive(id)).resolves.toMatchObject({ ttl: 60n });
        const { header } = await put(etcd, "a/old");
        await eventually(() => revisions.length > 0);
        expect(revisions).toEqual([header.revision]);
      });

      it("scenario 16: a lock outlives the token that its client signed in with, and a lack of rights in between", async () => {
        await keepsItsLock(server);
      });

      it("goes on after a restart, which makes the server forget its tokens", async () => {
        const etcd = connect(server, alice);
        await put(etcd, "a/key");
        await server.restart();
        await put(etcd, "a/key");
      });
    });
  });

  describe("and JWTs that live for three seconds", () => {
    let server: EtcdServer;
    const folder = mkdtempSync(join(tmpdir(), "microlock-jwt-"));

    beforeAll(async () => {
      const [priv, pub] = [join(folder, "key.pem"), join(folder, "public.pem")];
      const { privateKey, publicKey } = rsaKeys();
      writeFileSync(priv, privateKey);
      writeFileSync(pub, publicKey);
      const token = `jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=3s`;
      server = await startEtcd({ version, args: [`--auth-token=${token}`] });
      await enableAuth(server);
    });

    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    it("never shows one that has expired, nor waits for another", async () => {
      const etcd = connect(server, alice);
      const { id } = await etcd.leaseGrant({ ttl: 60n });
      const endsAt = performance.now() + 7_000;
      while (performance.now() < endsAt) {
        await put(etcd, "a/key");
        await expect(etcd.leaseKeepAlive(id)).resolves.toMatchObject({ ttl: 60n });
        await sleep(100);
      }
    });

    it("scenario 16: a lock outlives the token that its client signed in with, and a lack of rights in between", async () => {
      await keepsItsLock(server);
    });

    it("signs in anew when the rights of somebody have changed", async () => {
      const etcd = connect(server, alice);
      await put(etcd, "a/key");
      await server.etcdctl("--user=root:secret", "role", "add", "another");
      await put(etcd, "a/key");
      await expect(firstNews(etcd, "a/key")).resolves.toEqual(expect.any(BigInt));
    });
  });
});
