import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { StoreError } from "../../src/errors.ts";
import type { FakeMethods } from "../support/fake-grpc-server.ts";
import { connect, serve } from "../support/grpc-bench.ts";

describe("GrpcEtcd, when a call goes wrong", () => {
  it.each<[string, FakeMethods[string], object]>([
    [
      "a status without anything else",
      (call) => call.end(5, "etcdserver: requested lease not found"),
      {
        code: "STORE_ERROR",
        status: "NOT_FOUND",
        message: "etcdserver: requested lease not found",
      },
    ],
    [
      "a status after a message",
      (call) => {
        call.send((writer) => writer.int64(2, 5n));
        call.end(8, "etcdserver: mvcc: database space exceeded");
      },
      { code: "STORE_FULL", status: "RESOURCE_EXHAUSTED" },
    ],
    [
      "an encoded text",
      (call) => call.end(3, "key%3A %C3%A4"),
      { status: "INVALID_ARGUMENT", message: "key: ä" },
    ],
    [
      "trailers without a status",
      (call) => {
        call.send((writer) => writer.int64(2, 5n));
        call.endWith({ "x-some": "thing" });
      },
      { code: "STORE_UNAVAILABLE", message: expect.stringContaining("without a status") },
    ],
    [
      "no message at all",
      (call) => {
        call.sendRaw(Buffer.alloc(0));
        call.end();
      },
      { code: "STORE_UNAVAILABLE", message: expect.stringContaining("is empty") },
    ],
    [
      "half a message",
      (call) => {
        call.sendRaw(Buffer.from("000000000810", "hex"));
        call.end();
      },
      { code: "STORE_UNAVAILABLE", message: expect.stringContaining("middle of a message") },
    ],
    [
      "a message that is none",
      (call) => {
        call.sendRaw(Buffer.from("00000000020aff", "hex"));
        call.end();
      },
      { code: "STORE_UNAVAILABLE", message: expect.stringContaining("makes no sense") },
    ],
    [
      "a compressed message",
      (call) => {
        call.sendRaw(Buffer.from("0100000000", "hex"));
        call.end();
      },
      { code: "STORE_UNAVAILABLE", message: expect.stringContaining("compressed") },
    ],
    [
      "a reset",
      (call) => call.reset(constants.NGHTTP2_INTERNAL_ERROR),
      {
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining("may have been carried out"),
      },
    ],
    [
      "another server's words",
      (call) => {
        call.stream.respond({ ":status": 200, "content-type": "text/html" });
        call.stream.end("<html>");
      },
      { code: "STORE_UNSUPPORTED", message: expect.stringContaining("text/html") },
    ],
    [
      "a proxy without a server",
      (call) => {
        call.stream.respond({ ":status": 503 });
        call.stream.end();
      },
      { code: "STORE_UNAVAILABLE", message: expect.stringContaining("503") },
    ],
    ["an unknown method", (call) => call.end(12, "unknown"), { code: "STORE_UNSUPPORTED" }],
  ])("says so of %s, and does not ask again", async (_what, answer, expected) => {
    const server = await serve({ "Lease/LeaseGrant": answer });
    const etcd = connect([server]);

    const error = await etcd.leaseGrant({ ttl: 1n }).catch((reason) => reason);

    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject(expected);
    expect(server.calls).toHaveLength(1);
  });

  it("says that it may have been carried out when the connection breaks", async () => {
    const server = await serve({ "Lease/LeaseGrant": () => server.cut() });
    const etcd = connect([server]);

    await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toThrow(
      `Lease/LeaseGrant at ${server.endpoint} may have been carried out`,
    );
    expect(server.calls).toHaveLength(1);
  });
});
