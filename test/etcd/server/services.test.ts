import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../../src/core/keys.ts";
import { GrpcEtcd } from "../../../src/etcd/grpc/grpc-etcd.ts";
import { type EtcdServer, startServer } from "../../../src/etcd/server/start-server.ts";
import { decodeTxnResponse } from "../../../src/etcd/wire/kv-responses.ts";
import type { ProtobufReader } from "../../../src/etcd/wire/protobuf-reader.ts";
import { type Fields, fieldsOf, framed, RawGrpc } from "../../support/raw-grpc.ts";

describe("The server", () => {
  let server: EtcdServer;
  let client: RawGrpc;
  let etcd: GrpcEtcd;

  beforeEach(async () => {
    server = await startServer({ port: 0, keepsProcessAlive: false });
    client = await RawGrpc.connect(server.address);
    etcd = new GrpcEtcd({ endpoints: [server.address] });
  });

  afterEach(async () => {
    await Promise.all([client.close(), etcd.close()]);
    await server.close();
  });

  /** The fields of an answer, without its header: numbers, and texts or messages as bytes. */
  async function fields(path: string, request: Fields = {}): Promise<[number, bigint | string][]> {
    const { code, message, messages } = await client.ask(path, request);
    if (code !== 0) throw new Error(`${code} ${message}`);
    const [reader] = messages as [ProtobufReader];
    const found: [number, bigint | string][] = [];
    while (reader.next()) {
      const { field } = reader;
      if (field === 1) reader.skip();
      else found.push([field, reader.wireType === 0 ? reader.int64() : reader.string()]);
    }
    return found;
  }

  const put = (key: string, value: string, more: Fields = {}) =>
    client.ask("KV/Put", { 1: key, 2: value, ...more });

  async function rangeOf(request: Fields): Promise<{ keys: string[]; values: string[] }> {
    // An answer to a range is one within a transaction, but for its place.
    const { code, message, messages } = await client.ask("KV/Range", request);
    if (code !== 0) throw new Error(`${code} ${message}`);
    const [reader] = messages as [ProtobufReader];
    const keys: string[] = [];
    const values: string[] = [];
    while (reader.next()) {
      if (reader.field !== 2) reader.skip();
      else {
        const kv = reader.message();
        while (kv.next()) {
          if (kv.field === 1) keys.push(kv.string());
          else if (kv.field === 5) values.push(kv.string());
          else kv.skip();
        }
      }
    }
    return { keys, values };
  }

  describe("KV", () => {
    beforeEach(async () => {
      await put("b", "1");
      await put("a", "2");
      await put("c", "0");
      await put("a", "3");
    });

    it.each<[string, Fields, string[]]>([
      ["a key", { 1: "a" }, ["a"]],
      ["a range", { 1: "a", 2: "c" }, ["a", "b"]],
      ["all from a key on", { 1: "b", 2: Buffer.from([0]) }, ["b", "c"]],
      ["the first ones", { 1: "a", 2: "z", 3: 2n }, ["a", "b"]],
      ["what was before", { 1: "a", 2: "z", 4: 2n }, ["b"]],
      ["now, for a negative revision", { 1: "a", 2: "z", 4: -5n }, ["a", "b", "c"]],
      ["by name, downwards", { 1: "a", 2: "z", 5: 2n }, ["c", "b", "a"]],
      ["by value, upwards when no order is given", { 1: "a", 2: "z", 6: 4n }, ["c", "b", "a"]],
      ["by revision, downwards", { 1: "a", 2: "z", 5: 2n, 6: 3n }, ["a", "c", "b"]],
      ["without consensus", { 1: "a", 7: 1n }, ["a"]],
      ["what was changed from a revision on", { 1: "a", 2: "z", 10: 4n }, ["a", "c"]],
      ["what was changed up to a revision", { 1: "a", 2: "z", 11: 4n }, ["b", "c"]],
      ["what was created from a revision on", { 1: "a", 2: "z", 12: 3n }, ["a", "c"]],
      ["what was created up to a revision", { 1: "a", 2: "z", 13: 3n }, ["a", "b"]],
      ["only how many there are", { 1: "a", 2: "z", 9: 1n }, []],
    ])("reads %s", async (_what, request, keys) => {
      expect((await rangeOf(request)).keys).toEqual(keys);
    });

    it("leaves values out, and tells how many keys there are and whether there are more", async () => {
      expect(await rangeOf({ 1: "a", 8: 1n })).toEqual({ keys: ["a"], values: [] });
      const found = await fields("KV/Range", { 1: "a", 2: "z", 3: 1n });
      expect(found.slice(1)).toEqual([
        [3, 1n],
        [4, 3n],
      ]);
    });

    it("puts, keeps and deletes as a transaction does, and tells what was before", async () => {
      const [[field, before] = []] = await fields("KV/Put", { 1: "a", 2: "4", 4: 1n });
      expect([field, String(before).includes("3")]).toEqual([2, true]);
      await put("a", "", { 5: 1n });
      expect((await rangeOf({ 1: "a" })).values).toEqual(["4"]);
      const deleted = await fields("KV/DeleteRange", { 1: "a", 2: "c", 3: 1n });
      expect(deleted.map(([number]) => number)).toEqual([2, 3, 3]);
      expect(deleted[0]).toEqual([2, 2n]);
      expect(server.counts().keys).toBe(1);
    });

    it.each<[string, string, Fields, number, string]>([
      ["an empty key", "KV/Range", { 2: "z" }, 3, "etcdserver: key is not provided"],
      ["a put of an empty key", "KV/Put", { 2: "z" }, 3, "etcdserver: key is not provided"],
      ["a deletion of an empty key", "KV/DeleteRange", {}, 3, "etcdserver: key is not provided"],
      [
        "a value to be ignored",
        "KV/Put",
        { 1: "a", 2: "v", 5: 1n },
        3,
        "etcdserver: value is provided",
      ],
      [
        "a lease to be ignored",
        "KV/Put",
        { 1: "a", 3: 1n, 6: 1n },
        3,
        "etcdserver: lease is provided",
      ],
      ["what is not there", "KV/Put", { 1: "n", 5: 1n }, 3, "etcdserver: key not found"],
      [
        "a lease that is none",
        "KV/Put",
        { 1: "a", 3: 9n },
        5,
        "etcdserver: requested lease not found",
      ],
      [
        "a lease that is none before a key that is none",
        "KV/Put",
        { 1: "n", 3: 9n, 5: 1n },
        5,
        "etcdserver: requested lease not found",
      ],
      [
        "the future",
        "KV/Range",
        { 1: "a", 4: 99n },
        11,
        "etcdserver: mvcc: required revision is a future revision",
      ],
      [
        "a compaction to come",
        "KV/Compact",
        { 1: 99n },
        11,
        "etcdserver: mvcc: required revision is a future revision",
      ],
      ["an operation that is none", "KV/Txn", { 2: {} }, 3, "etcdserver: key not found"],
      // A real etcd 3.5.30 dies of this one.
      [
        "an order by what is not there",
        "KV/Range",
        { 1: "a", 6: 7n },
        3,
        "etcdserver: invalid sort option",
      ],
      [
        "the same within a transaction",
        "KV/Txn",
        { 2: { 1: { 1: "a", 6: 7n } } },
        3,
        "etcdserver: invalid sort option",
      ],
    ])("refuses %s", async (_what, path, request, code, message) => {
      expect(await client.ask(path, request)).toMatchObject({ code, message });
    });

    it("forgets what was before a revision, on disk or not", async () => {
      expect(await client.ask("KV/Compact", { 1: 4n, 2: 1n })).toMatchObject({ code: 0 });
      const message = "etcdserver: mvcc: required revision has been compacted";
      expect(await client.ask("KV/Compact", { 1: 4n })).toMatchObject({ code: 11, message });
      expect(await client.ask("KV/Range", { 1: "a", 4: 3n })).toMatchObject({ code: 11, message });
    });

    // Etcd 3.5.30 dies of it: it takes a deletion without an end for an empty one as it looks
    // for keys that are written twice.
    it("survives a deletion to the end and a put that keeps the value, in one transaction", async () => {
      const ops = Buffer.concat([
        fieldsOf({ 2: { 3: { 1: "a", 2: Buffer.from([0]) } } }),
        fieldsOf({ 2: { 2: { 1: "b", 5: 1n } } }),
      ]);
      const answer = await client.send("KV/Txn", framed(ops));
      expect(answer).toMatchObject({ code: 3, message: "etcdserver: key not found" });
      expect((await rangeOf({ 1: "a", 2: "z" })).keys).toEqual(["a", "b", "c"]);
    });

    // Etcd 3.5.30 loses the put, and dies when somebody reads it.
    it("survives a compaction at a revision that deleted and put one key", async () => {
      const open = Buffer.concat([
        fieldsOf({ 2: { 3: { 1: "a", 2: Buffer.from([0]) } } }),
        fieldsOf({ 2: { 2: { 1: "b", 2: "new" } } }),
      ]);
      const { messages } = await client.send("KV/Txn", framed(open));
      const { revision } = decodeTxnResponse(messages[0] as ProtobufReader).header;
      expect(await client.ask("KV/Compact", { 1: revision })).toMatchObject({ code: 0 });
      expect(await rangeOf({ 1: "a", 2: "z" })).toEqual({ keys: ["b"], values: ["new"] });
      expect(await rangeOf({ 1: "a", 2: "z", 4: revision })).toMatchObject({ values: ["new"] });
    });

    it("says in a transaction at which revision each operation was carried out", async () => {
      const ops = Buffer.concat([
        fieldsOf({ 2: { 1: { 1: "a" } } }),
        fieldsOf({ 2: { 2: { 1: "d", 2: "1" } } }),
        fieldsOf({ 2: { 1: { 1: "a" } } }),
      ]);
      const { messages } = await client.send("KV/Txn", framed(ops));
      const revisions: bigint[] = [];
      const txn = messages[0] as ProtobufReader;
      while (txn.next()) {
        if (txn.field !== 3) {
          txn.skip();
          continue;
        }
        const op = txn.message();
        op.next();
        const response = op.message();
        response.next();
        const header = response.message();
        header.next();
        revisions.push(header.int64());
      }
      expect(revisions).toEqual([5n, 6n, 6n]);
    });
  });

  describe("Lease", () => {
    it("lists leases, those that end first at the front", async () => {
      await client.ask("Lease/LeaseGrant", { 1: 90n, 2: 7n });
      await client.ask("Lease/LeaseGrant", { 1: 60n, 2: 8n });
      const leases = await fields("Lease/LeaseLeases");
      expect(leases.map(([, lease]) => Buffer.from(String(lease)).toString("hex"))).toEqual([
        "0808",
        "0807",
      ]);
    });

    it("keeps many alive on one stream, and answers in order, with 0 for one that is gone", async () => {
      await client.ask("Lease/LeaseGrant", { 1: 60n, 2: 7n });
      const ids = [7n, 9n, 7n];
      const bytes = Buffer.concat(ids.map((id) => framed(fieldsOf({ 1: id }))));
      const { code, messages } = await client.send("Lease/LeaseKeepAlive", bytes);
      const answers = messages.map((reader) => {
        const found: bigint[] = [];
        while (reader.next()) {
          if (reader.field === 1) reader.skip();
          else found.push(reader.int64());
        }
        return found;
      });
      expect([code, answers]).toEqual([0, [[7n, 60n], [9n], [7n, 60n]]]);
    });
  });

  it("tells operators its version, its only member, and that there are no alarms", async () => {
    const { revision, memberId } = (await etcd.txn({})).header;
    expect(await fields("Maintenance/Status")).toEqual([
      [2, "3.5.30+microlock"],
      [4, memberId],
      [5, revision],
      [6, 1n],
      [7, revision],
    ]);
    expect(await fields("Maintenance/Alarm")).toEqual([]);
    expect(await fields("Maintenance/Defragment")).toEqual([]);
    expect(String(await fields("Cluster/MemberList"))).toContain(server.url);
  });

  it("has a checksum that is the same for the same keys, and another one for others", async () => {
    const hash = () => fields("Maintenance/HashKV").then((found) => found[0]?.[1]);
    await put("a", "1");
    const first = await hash();
    await put("a", "2");
    const second = await hash();
    expect(second).not.toBe(first);
    const at = await fields("Maintenance/HashKV", { 1: 2n });
    expect(at).toEqual([
      [2, first],
      [3, -1n],
    ]);
    expect(await client.ask("Maintenance/HashKV", { 1: 99n })).toMatchObject({ code: 11 });
  });

  it.each<[string, number, string]>([
    ["Auth/Authenticate", 9, "etcdserver: authentication is not enabled"],
    ["Auth/AuthEnable", 9, "etcdserver: root user does not exist"],
    ["Auth/UserGet", 9, "etcdserver: user name not found"],
    ["Auth/RoleDelete", 9, "etcdserver: role name not found"],
    ["Auth/UserAdd", 12, "microlock: there are no users and roles here"],
    ["Cluster/MemberRemove", 5, "etcdserver: member not found"],
    [
      "Cluster/MemberAdd",
      12,
      "microlock: this is one process without replication, and takes no members",
    ],
    ["Maintenance/MoveLeader", 9, "etcdserver: bad leader transferee"],
    ["Maintenance/Snapshot", 12, "microlock: there is no database file to take a snapshot of"],
    ["Maintenance/Downgrade", 12, "microlock: there is no other version to downgrade to"],
  ])("refuses %s", async (path, code, message) => {
    expect(await client.ask(path)).toMatchObject({ code, message });
  });

  it("says that nobody has to sign in, and that it is well", async () => {
    expect(await fields("Auth/AuthStatus")).toEqual([[3, 1n]]);
    const { messages } = await client.ask("/grpc.health.v1.Health/Check");
    expect(messages[0]?.next()).toBe(true);
    expect(messages[0]?.uint32()).toBe(1);
    expect(await client.ask("/grpc.health.v1.Health/Check", { 1: "x" })).toMatchObject({
      code: 5,
      message: "unknown service",
    });
  });

  it.each([
    ["GET", "/health", 200, '{"health":"true","reason":""}'],
    ["GET", "/version?x=1", 200, '{"etcdserver":"3.5.30+microlock","etcdcluster":"3.5.0"}'],
    ["GET", "/nope", 404, "404 page not found\n"],
    ["POST", "/health", 405, "Method Not Allowed\n"],
  ])("answers %s %s in HTTP/1.1", async (method, path, status, body) => {
    expect(await page(`${server.url}${path}`, method)).toEqual({ status, body });
  });

  it("is what our own client takes for an etcd that is no trouble", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    await etcd.txn({
      success: [{ op: "put", request: { key: bytesOf("k"), value: bytesOf("v") } }],
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.removeListener("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});

function page(url: string, method: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { method, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    asked.on("error", reject);
    asked.end();
  });
}
