import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeAuthenticateResponse,
  encodeAuthenticateRequest,
} from "../../src/etcd/wire/auth-messages.ts";
import { decodeTxnResponse } from "../../src/etcd/wire/kv-responses.ts";
import {
  decodeLeaseGrantResponse,
  decodeLeaseTimeToLiveResponse,
  encodeLeaseGrantRequest,
} from "../../src/etcd/wire/lease-messages.ts";
import { MalformedMessageError } from "../../src/etcd/wire/malformed-message-error.ts";
import { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import { decodeWatchAnswer, encodeWatchCommand } from "../../src/etcd/wire/watch-messages.ts";
import { header, hexOf, message, nested, text, writeHeader } from "../support/protobuf-messages.ts";

describe("lease messages", () => {
  it("put the TTL before the id in requests, and behind it in answers", () => {
    expect(hexOf({ ttl: 10n, id: 3n }, encodeLeaseGrantRequest)).toBe("080a1003");
    const answer = message((writer) => {
      writeHeader(writer);
      writer.int64(2, 3n);
      writer.int64(3, 10n);
    });
    expect(decodeLeaseGrantResponse(answer)).toEqual({ header, id: 3n, ttl: 10n });
  });

  it("read the TTL of a lease that is gone", () => {
    const answer = message((writer) => {
      writer.int64(3, -1n);
      writer.bytes(5, text("k"));
    });
    expect(decodeLeaseTimeToLiveResponse(answer)).toMatchObject({
      ttl: -1n,
      grantedTtl: 0n,
      keys: [text("k")],
    });
  });
});

describe("watch messages", () => {
  it.each([
    [
      { command: "create", id: 1n, request: { key: text("k"), startRevision: 5n, prevKv: true } },
      "0a0b 0a016b 1805 2001 3001 3801",
    ],
    [{ command: "cancel", id: 300n }, "1203 08ac02"],
    [{ command: "progress" }, "1a00"],
  ] as const)("write %o", (command, hex) => {
    expect(hexOf(command, encodeWatchCommand)).toBe(hex.replaceAll(" ", ""));
  });

  it("read events, and why a watch ended", () => {
    const answer = message((writer) => {
      writeHeader(writer);
      writer.int64(2, -1n);
      writer.bool(3, true);
      writer.bool(4, true);
      writer.int64(5, 9n);
      writer.string(6, "because");
      nested(writer, 11, (event) => {
        event.uint32(1, 1);
        nested(event, 2, (kv) => kv.bytes(1, text("k")));
        nested(event, 3, (kv) => kv.bytes(5, text("old")));
      });
    });
    expect(decodeWatchAnswer(answer)).toMatchObject({
      header,
      id: -1n,
      created: true,
      canceled: true,
      compactRevision: 9n,
      cancelReason: "because",
      events: [{ type: "delete", kv: { key: text("k") }, prevKv: { value: text("old") } }],
    });
  });
});

describe("auth messages", () => {
  it("write a name and a password, and read a token", () => {
    expect(hexOf({ username: "a", password: "ß" }, encodeAuthenticateRequest)).toBe(
      "0a01611202c39f",
    );
    expect(decodeAuthenticateResponse(message((writer) => writer.string(2, "token")))).toBe(
      "token",
    );
  });
});

describe("decoding", () => {
  it("throws on garbage, and never crashes or hangs", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (garbage) => {
        for (const decode of [decodeTxnResponse, decodeWatchAnswer, decodeLeaseGrantResponse]) {
          try {
            decode(new ProtobufReader(garbage));
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedMessageError);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
