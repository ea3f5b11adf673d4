import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { type EtcdServer, startServer } from "../../../src/etcd/server/start-server.ts";
import { type Fields, fieldsOf, framed, RawGrpc } from "../../support/raw-grpc.ts";

const range = "KV/Range";
const get: Fields = { 1: "a" };
const hex = (digits: string): Buffer => framed(Buffer.from(digits.replaceAll(" ", ""), "hex"));
const valid = framed(fieldsOf(get));

// All of it was tried on etcd 3.5.30, which answers the same, unless a line says otherwise.
describe("A call that makes no sense", () => {
  let server: EtcdServer;
  let client: RawGrpc;

  beforeAll(async () => {
    server = await startServer({ port: 0, keepsProcessAlive: false });
    client = await RawGrpc.connect(server.address);
  });

  afterAll(async () => {
    await client.close();
    await server.close();
  });

  it.each<[string, string, number, string]>([
    ["an unknown service", "/foo.Bar/Baz", 12, "unknown service foo.Bar"],
    ["a service with slashes", "/a/b/c", 12, "unknown service a/b"],
    ["an unknown method", "KV/Nope", 12, "unknown method Nope for service etcdserverpb.KV"],
    [
      "a method that every object has",
      "KV/constructor",
      12,
      "unknown method constructor for service etcdserverpb.KV",
    ],
    ["a service that every object has", "/__proto__/x", 12, "unknown service __proto__"],
    ["no method", "/nope", 12, 'malformed method name: "/nope"'],
  ])("is refused for %s", async (_what, path, code, message) => {
    expect(await client.send(path, valid)).toMatchObject({ httpStatus: 200, code, message });
  });

  it.each<[string, Record<string, string>, number, number, string]>([
    [
      "another content type",
      { "content-type": "application/json" },
      415,
      3,
      'invalid gRPC request content-type "application/json"',
    ],
    [
      "a content type that only begins like gRPC's",
      { "content-type": "application/grpcx" },
      415,
      3,
      'invalid gRPC request content-type "application/grpcx"',
    ],
    [
      "another verb",
      { ":method": "GET" },
      405,
      13,
      'Received a HEADERS frame with :method "GET" which should be POST',
    ],
    [
      "a timeout without a unit",
      { "grpc-timeout": "5x" },
      400,
      13,
      'malformed grpc-timeout: transport: timeout unit is not recognized: "5x"',
    ],
    [
      "a timeout that is too long",
      { "grpc-timeout": "123456789S" },
      400,
      13,
      'malformed grpc-timeout: transport: timeout string is too long: "123456789S"',
    ],
    [
      "an encoding that is not there",
      { "grpc-encoding": "snappy" },
      200,
      12,
      'grpc: Decompressor is not installed for grpc-encoding "snappy"',
    ],
    ["a time that is over", { "grpc-timeout": "0m" }, 200, 4, "context deadline exceeded"],
  ])("is refused for %s", async (_what, headers, httpStatus, code, message) => {
    const answer = await client.send(range, valid, {
      headers,
      isEnd: headers[":method"] !== "GET",
    });
    expect(answer).toMatchObject({ httpStatus, code, message });
  });

  it.each(["application/grpc+proto", "application/grpc+json", "application/grpc;charset=utf8"])(
    "is none with the content type %s",
    async (contentType) => {
      const headers = { "content-type": contentType };
      expect(await client.send(range, valid, { headers })).toMatchObject({ code: 0 });
    },
  );

  const unmarshalling = "grpc: error unmarshalling request";
  it.each<[string, Buffer, number, string]>([
    ["no message", Buffer.alloc(0), 2, "EOF"],
    ["less than a header", Buffer.from([0, 0]), 2, "EOF"],
    ["less than it announces", framed(fieldsOf(get), 0, 10), 2, "unexpected EOF"],
    [
      "a compressed message",
      framed(fieldsOf(get), 1),
      13,
      "grpc: compressed flag set with identity or empty encoding",
    ],
    ["an unknown flag", framed(fieldsOf(get), 2), 13, "grpc: received unexpected payload format 2"],
    ["a field that is cut", hex("0a05"), 13, `${unmarshalling}: unexpected EOF`],
    // Etcd names the field here.
    [
      "a wrong wire type",
      hex("0801"),
      13,
      `${unmarshalling}: proto: wrong wireType = 0 for field 1`,
    ],
    [
      "a number that does not end",
      hex("18ffffffffffffffffffff01"),
      13,
      `${unmarshalling}: proto: integer overflow`,
    ],
    [
      "a number as length that is too large",
      hex("0affffffff0f"),
      13,
      `${unmarshalling}: unexpected EOF`,
    ],
    // Etcd names the message here.
    ["the field 0", hex("00"), 13, `${unmarshalling}: proto: illegal tag 0 (wire type 0)`],
  ])("is refused for %s", async (_what, bytes, code, message) => {
    expect(await client.send(range, bytes)).toMatchObject({ httpStatus: 200, code, message });
  });

  it("is refused before a message that is too large has come", async () => {
    const tooLarge = framed(Buffer.alloc(1), 0, 4_000_000_000);
    expect(await client.send("KV/Put", tooLarge, { isEnd: false })).toMatchObject({
      code: 8,
      message: "grpc: received message larger than max (4000000000 vs. 2097152)",
    });
  });

  it("is refused for a request that is larger than etcd passes on", async () => {
    const large = { 1: "a", 2: Buffer.alloc(1_600_000) };
    expect(await client.ask("KV/Put", large)).toMatchObject({
      code: 3,
      message: "etcdserver: request is too large",
    });
  });

  it("is none if only what follows the first message makes no sense", async () => {
    const bytes = Buffer.concat([valid, framed(Buffer.alloc(0), 7)]);
    expect(await client.send(range, bytes)).toMatchObject({ code: 0 });
  });

  it("is none for a group or a field that nobody knows", async () => {
    for (const bytes of [hex("0a0161 7b 7c"), hex("0a0161 a00601")]) {
      expect(await client.send(range, bytes)).toMatchObject({ code: 0 });
    }
  });

  it("is refused for transactions nested deeper than there is stack", {
    timeout: 20_000,
  }, async () => {
    expect(await client.send("KV/Txn", framed(nestedTxns(50_000)))).toMatchObject({
      code: 3,
      message: "etcdserver: too many operations in txn request",
    });
  });

  it("ends when the client's time is over", async () => {
    const headers = { "grpc-timeout": "30m" };
    const cut = framed(fieldsOf(get), 0, 100);
    const late = { code: 4, message: "context deadline exceeded" };
    expect(await client.send(range, cut, { headers, isEnd: false })).toMatchObject(late);
    const watch = framed(fieldsOf({ 1: { 1: "a" } }));
    const ended = await client.send("Watch/Watch", watch, { headers, isEnd: false });
    expect(ended).toMatchObject(late);
    expect(server.counts()).toMatchObject({ watches: 0 });
  });

  it("leaves no timer behind when it is answered in time", async () => {
    const { setTimer } = systemClock;
    const cancelled: number[] = [];
    vi.spyOn(systemClock, "setTimer").mockImplementation((delayMs, wake, options) => {
      const cancel = setTimer(delayMs, wake, options);
      return () => {
        cancelled.push(delayMs);
        cancel();
      };
    });
    const headers = { "grpc-timeout": "2H" };
    expect(await client.send(range, valid, { headers })).toMatchObject({ code: 0 });
    vi.restoreAllMocks();
    expect(cancelled).toContain(7_200_000);
  });

  it.each(["Watch/Watch", "Lease/LeaseKeepAlive"])("is refused on a stream: %s", async (path) => {
    const send = (bytes: Buffer, isEnd = true) => client.send(path, bytes, { isEnd });
    expect(await send(hex("0f"), false)).toMatchObject({
      code: 13,
      message:
        "grpc: failed to unmarshal the received message: proto: wrong wireType = 7 for field 1",
    });
    expect(await send(framed(Buffer.alloc(1), 0, 10))).toMatchObject({
      code: 13,
      message: "unexpected EOF",
    });
    expect(await send(framed(Buffer.alloc(0), 0, 2_097_153), false)).toMatchObject({ code: 8 });
  });

  it("never ends the server, whatever bytes it is made of", { timeout: 20_000 }, async () => {
    const methods = ["KV/Range", "KV/Txn", "KV/Put", "Lease/LeaseGrant", "Maintenance/Alarm"];
    const answers = Array.from({ length: 300 }, (_, n) => {
      const path = methods[n % methods.length] ?? "";
      return client.send(path, framed(randomBytes(n % 40)));
    });
    for (const { code } of await Promise.all(answers))
      expect([0, 3, 9, 11, 12, 13]).toContain(code);
    expect(await client.ask(range, get)).toMatchObject({ code: 0 });
  });
});

/** Transactions in one another, each with nothing but the next. */
function nestedTxns(levels: number): Buffer {
  const heads: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < levels; level++) {
    for (const field of [4, 2]) {
      const head = headOf(field, length);
      heads.push(head);
      length += head.length;
    }
  }
  return Buffer.concat(heads.reverse());
}

/** What stands before a message within a message. */
function headOf(field: number, length: number): Buffer {
  const head = [field * 8 + 2];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  return Buffer.from([...head, rest]);
}
