import { afterEach, describe, expect, it } from "vitest";
import { CompactedError, StoreUnavailableError } from "../../src/errors.ts";
import { GrpcEtcd, type GrpcEtcdOptions } from "../../src/etcd/grpc/grpc-etcd.ts";
import {
  describeOnEveryEtcd,
  type EtcdServer,
  startCluster,
  startEtcd,
} from "../support/etcd-server.ts";
import { eventually } from "../support/eventually.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function connect(endpoints: readonly string[], options: Partial<GrpcEtcdOptions> = {}): GrpcEtcd {
  const etcd = new GrpcEtcd({ endpoints, ...options });
  cleanups.push(() => etcd.close());
  return etcd;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function put(etcd: GrpcEtcd, name: string, value = "v"): Promise<bigint> {
  const request = { key: bytes(name), value: bytes(value) };
  const { header } = await etcd.txn({ success: [{ op: "put", request }] });
  return header.revision;
}

/** Which member answers. */
async function memberId(etcd: GrpcEtcd): Promise<bigint> {
  return (await etcd.txn({})).header.memberId;
}

function watch(etcd: GrpcEtcd, name: string, startRevision?: bigint) {
  const seen = { created: [] as bigint[], revisions: [] as bigint[], ends: [] as Error[] };
  const watched = etcd.watch(
    { key: bytes(name), startRevision },
    {
      onCreated: (revision) => seen.created.push(revision),
      onEvents: (events) => seen.revisions.push(...events.map(({ kv }) => kv.modRevision)),
      onEnd: (error) => seen.ends.push(error),
    },
  );
  return { ...seen, close: () => watched.close() };
}

describeOnEveryEtcd("GrpcEtcd among faults", (version) => {
  async function start(args: readonly string[] = []): Promise<EtcdServer> {
    const server = await startEtcd({ version, args });
    cleanups.push(() => server.stop());
    return server;
  }

  it("resumes a watch without a gap when the server is killed and comes back", async () => {
    const server = await start();
    const etcd = connect([server.endpoint]);
    const other = connect([server.endpoint]);
    const seen = watch(etcd, "key");
    await eventually(() => seen.created.length === 1);
    const written = [await put(other, "key")];

    await server.kill();
    const failure = await put(etcd, "key").catch((error) => error);
    expect(failure).toBeInstanceOf(StoreUnavailableError);
    await server.restart();
    for (let n = 0; n < 20; n++) written.push(await put(other, "key"));

    await eventually(() => seen.revisions.length >= written.length);
    expect(seen.revisions).toEqual(written);
    expect(seen.created).toHaveLength(2);
    expect(seen.ends).toEqual([]);
  });

  it("is back within a second when a way that swallowed everything is mended", async () => {
    const server = await start();
    const proxy = await TcpProxy.start(server.endpoint);
    cleanups.push(() => proxy.stop());
    const etcd = connect([proxy.endpoint]);
    const other = connect([server.endpoint]);
    const seen = watch(etcd, "key");
    const { id } = await etcd.leaseGrant({ ttl: 60n });
    await eventually(() => seen.created.length === 1);

    proxy.hold();
    for (let attempt = 0; attempt < 4; attempt++) {
      const attempt = etcd.leaseKeepAlive(id, { timeoutMs: 700 });
      await expect(attempt).rejects.toBeInstanceOf(StoreUnavailableError);
    }
    const written = [await put(other, "key"), await put(other, "key")];
    const mendedAt = performance.now();
    proxy.release();
    for (;;) {
      const answer = await etcd.leaseKeepAlive(id, { timeoutMs: 700 }).catch(() => undefined);
      if (answer) break;
    }
    await eventually(() => seen.revisions.length === 2);
    expect(seen.revisions).toEqual(written);
    expect(performance.now() - mendedAt).toBeLessThan(5_000);
  });

  it("ends a watch that would have to go on before what etcd keeps", async () => {
    const server = await start();
    const etcd = connect([server.endpoint]);
    const first = await put(etcd, "key");
    const last = await put(etcd, "key");
    await etcd.compact(last);

    const seen = watch(etcd, "key", first);
    const other = watch(etcd, "other");
    await eventually(() => seen.ends.length === 1 && other.created.length === 1);
    expect(seen.ends[0]).toBeInstanceOf(CompactedError);
    expect(seen.ends[0]).toMatchObject({ compactRevision: last });

    const revision = await put(etcd, "other");
    await eventually(() => other.revisions.length === 1);
    expect(other.revisions).toEqual([revision]);
  });

  it("says that the space is used up, and lets leases and deletions go on", async () => {
    const server = await start(["--quota-backend-bytes=262144"]);
    const etcd = connect([server.endpoint]);
    const { id } = await etcd.leaseGrant({ ttl: 60n });
    let failure: unknown;
    // Etcd looks at the space only as often as it writes to its disk.
    const deadline = performance.now() + 15_000;
    for (let n = 0; !failure && performance.now() < deadline; n++) {
      failure = await put(etcd, `key${n}`, "x".repeat(50_000)).then(
        () => undefined,
        (error) => error,
      );
    }
    expect(failure).toMatchObject({ code: "STORE_FULL", status: "RESOURCE_EXHAUSTED" });
    await expect(etcd.leaseGrant({ ttl: 60n })).rejects.toMatchObject({ code: "STORE_FULL" });
    await expect(etcd.leaseKeepAlive(id)).resolves.toMatchObject({ ttl: 60n });
    await etcd.txn({ success: [{ op: "deleteRange", request: { key: bytes("key0") } }] });
    await etcd.leaseRevoke(id);
  });

  it("takes large answers, and says what etcd says of large requests", async () => {
    const server = await start();
    const etcd = connect([server.endpoint]);
    for (let n = 0; n < 12; n++) await put(etcd, `large${n}`, "x".repeat(1_000_000));
    const request = { key: bytes("large"), rangeEnd: bytes("largf") };
    const { responses } = await etcd.txn({ success: [{ op: "range", request }] });
    expect(responses[0]).toMatchObject({ op: "range", response: { count: 12n } });

    await expect(put(etcd, "larger", "x".repeat(1_800_000))).rejects.toMatchObject({
      status: "INVALID_ARGUMENT",
      message: "etcdserver: request is too large",
    });
    await expect(put(etcd, "largest", "x".repeat(3_000_000))).rejects.toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      message: expect.stringContaining("received message larger than max"),
    });
  });

  it("carries lease ids and keys of every kind", async () => {
    const etcd = connect([(await start()).endpoint]);
    const id = 2n ** 63n - 1n;
    await expect(etcd.leaseGrant({ id, ttl: 60n })).resolves.toMatchObject({ id });
    const key = new Uint8Array([0, 255, 254, 0, 128]);
    const [putIt, rangeIt] = [
      { op: "put", request: { key, value: key, lease: id } },
      { op: "range", request: { key } },
    ] as const;
    const { responses } = await etcd.txn({ success: [putIt, rangeIt] });
    expect(responses[1]).toMatchObject({ response: { kvs: [{ key, value: key, lease: id }] } });
    await expect(etcd.leaseTimeToLive({ id, keys: true })).resolves.toMatchObject({ keys: [key] });
  });

  it("keeps ten thousand watches on one stream", async () => {
    const etcd = connect([(await start()).endpoint]);
    const all = Array.from({ length: 10_000 }, (_, n) => watch(etcd, `key${n}`));
    await eventually(() => all.every(({ created }) => created.length === 1), { withinMs: 15_000 });
    const revision = await put(etcd, "key9999");
    await eventually(() => all[9_999]?.revisions.length === 1);
    expect(all[9_999]?.revisions).toEqual([revision]);
    expect(all[0]?.revisions).toEqual([]);
    for (const seen of all) seen.close();
    await put(etcd, "key0");
  });

  describe("in a cluster of three", () => {
    async function cluster() {
      const three = await startCluster(3, { version });
      cleanups.push(() => three.stop());
      return three;
    }

    it("goes on with the next member when one is killed, calls and watches alike", async () => {
      const { members, endpoints } = await cluster();
      const etcd = connect(endpoints);
      const other = connect(endpoints.slice(1));
      const seen = watch(etcd, "key");
      await eventually(() => seen.created.length === 1);
      const written = [await put(etcd, "key")];

      await members[0]?.kill();
      const startedAt = performance.now();
      const attempt = (): Promise<bigint> =>
        put(other, "key").catch(() =>
          new Promise((resolve) => setTimeout(resolve, 50)).then(attempt),
        );
      written.push(await attempt());
      written.push(await put(etcd, "key"));
      await eventually(() => seen.revisions.length >= written.length);
      expect(seen.revisions).toEqual(written);
      expect(performance.now() - startedAt).toBeLessThan(15_000);
    });

    it("leaves a member that is stopped after one deadline, and its watches with it", async () => {
      const { members, endpoints } = await cluster();
      const etcd = connect(endpoints);
      const { id } = await etcd.leaseGrant({ ttl: 60n });
      const seen = watch(etcd, "key");
      await eventually(() => seen.created.length === 1);
      // Mostly the first, but when that takes its time, another one along with it.
      const ids = await Promise.all(endpoints.map((endpoint) => memberId(connect([endpoint]))));
      const member = members[ids.indexOf(await memberId(etcd))];

      member?.signal("SIGSTOP");
      try {
        // On a busy machine it may still answer for some milliseconds.
        const answer = (): Promise<unknown> =>
          etcd.leaseKeepAlive(id, { timeoutMs: 500 }).catch(() => undefined);
        while (await answer());
        await eventually(() => seen.created.length === 2);
        const startedAt = performance.now();
        while (!(await answer()));
        expect(performance.now() - startedAt).toBeLessThan(15_000);
      } finally {
        member?.signal("SIGCONT");
      }
    });

    it("moves on from a member that has lost the others", async () => {
      const { members, endpoints } = await cluster();
      const etcd = connect(endpoints.slice(0, 1));
      const seen = watch(etcd, "key");
      await eventually(() => seen.created.length === 1);

      await Promise.all([members[1]?.kill(), members[2]?.kill()]);
      const failure = async (): Promise<unknown> =>
        put(etcd, "key").catch((error) => error.message);
      const deadline = performance.now() + 12_000;
      let message: unknown;
      do message = await failure();
      while (!String(message).includes("no leader") && performance.now() < deadline);
      expect(message).toContain("no leader");

      await Promise.all([members[1]?.restart(), members[2]?.restart()]);
      await eventually(() => seen.created.length > 1, { withinMs: 10_000 });
      expect(seen.ends).toEqual([]);
    });
  });
});
