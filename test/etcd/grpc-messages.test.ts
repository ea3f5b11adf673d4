import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { TxnRequest } from "../../src/etcd/api.ts";
import {
  decodeAuthenticateResponse,
  encodeAuthenticateRequest,
} from "../../src/etcd/grpc/auth-messages.ts";
import { encodeTxnRequest } from "../../src/etcd/grpc/kv-requests.ts";
import { decodeKeyValue, decodeTxnResponse } from "../../src/etcd/grpc/kv-responses.ts";
import {
  decodeLeaseGrantResponse,
  decodeLeaseTimeToLiveResponse,
  encodeLeaseGrantRequest,
} from "../../src/etcd/grpc/lease-messages.ts";
import {
  MalformedMessageError,
  ProtobufReader,
  ProtobufWriter,
} from "../../src/etcd/grpc/protobuf.ts";
import {
  decodeServerVersion,
  versionWarning,
  warnOfVersion,
} from "../../src/etcd/grpc/server-version.ts";
import { decodeWatchAnswer, encodeWatchCommand } from "../../src/etcd/grpc/watch-messages.ts";

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

function hexOf<T>(value: T, encode: (value: T, writer: ProtobufWriter) => void): string {
  const writer = new ProtobufWriter();
  encode(value, writer);
  return writer.finish().toString("hex");
}

function message(write: (writer: ProtobufWriter) => void): ProtobufReader {
  const writer = new ProtobufWriter();
  write(writer);
  return new ProtobufReader(writer.finish());
}

const nested = (writer: ProtobufWriter, field: number, write: (w: ProtobufWriter) => void): void =>
  writer.message(field, undefined, (_, inner) => write(inner));

function writeHeader(writer: ProtobufWriter): void {
  nested(writer, 1, (header) => {
    header.int64(1, -1n);
    header.int64(2, 2n);
    header.int64(3, 2n ** 62n);
    header.int64(4, 4n);
  });
}

const header = { clusterId: 2n ** 64n - 1n, memberId: 2n, revision: 2n ** 62n, raftTerm: 4n };

describe("encodeTxnRequest", () => {
  it.each<[string, TxnRequest, string]>([
    ["nothing", {}, ""],
    [
      "a revision of 0",
      { compare: [{ key: text("a"), target: "createRevision", result: "equal", operand: 0n }] },
      "0a05 1001 1a0161",
    ],
    [
      "a value, over a range",
      {
        compare: [
          {
            key: text("a"),
            rangeEnd: text("b"),
            target: "value",
            result: "notEqual",
            operand: text("v"),
          },
        ],
      },
      "0a0e 0803 1003 1a0161 3a0176 82040162",
    ],
    [
      "a negative lease",
      { compare: [{ key: text("a"), target: "lease", result: "less", operand: -1n }] },
      "0a12 0802 1004 1a0161 40ffffffffffffffffff01",
    ],
    [
      "a put",
      {
        success: [
          { op: "put", request: { key: text("k"), value: text("v"), lease: 5n, prevKv: true } },
        ],
      },
      "120c 120a 0a016b 120176 1805 2001",
    ],
    [
      "a range inside a transaction",
      {
        success: [
          {
            op: "txn",
            request: {
              failure: [
                {
                  op: "range",
                  request: {
                    key: text("k"),
                    limit: 2n,
                    sort: { by: "modRevision", order: "descending" },
                    keysOnly: true,
                  },
                },
              ],
            },
          },
        ],
      },
      "1211 220f 1a0d 0a0b 0a016b 1802 2802 3003 4001",
    ],
    [
      "a deletion",
      { failure: [{ op: "deleteRange", request: { key: text("k"), prevKv: true } }] },
      "1a07 1a05 0a016b 1801",
    ],
  ])("writes %s", (_what, request, hex) => {
    expect(hexOf(request, encodeTxnRequest)).toBe(hex.replaceAll(" ", ""));
  });
});

describe("decodeTxnResponse", () => {
  it("reads the answers of every kind of operation", () => {
    const answer = message((writer) => {
      writeHeader(writer);
      writer.bool(2, true);
      nested(writer, 3, (op) =>
        nested(op, 1, (range) => {
          nested(range, 2, (kv) => kv.bytes(1, text("k")));
          range.bool(3, true);
          range.int64(4, 7n);
        }),
      );
      nested(writer, 3, (op) => nested(op, 2, () => {}));
      nested(writer, 3, (op) => nested(op, 3, (deletion) => deletion.int64(2, 3n)));
      nested(writer, 3, (op) => nested(op, 4, (txn) => txn.bool(2, true)));
    });
    expect(decodeTxnResponse(answer)).toEqual({
      header,
      succeeded: true,
      responses: [
        {
          op: "range",
          response: { kvs: [expect.objectContaining({ key: text("k") })], more: true, count: 7n },
        },
        { op: "put", response: {} },
        { op: "deleteRange", response: { deleted: 3n, prevKvs: [] } },
        { op: "txn", response: { succeeded: true, responses: [] } },
      ],
    });
  });

  it("refuses an operation without an answer", () => {
    expect(() => decodeTxnResponse(message((writer) => nested(writer, 3, () => {})))).toThrow(
      /has no answer/,
    );
  });

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

describe("decodeKeyValue", () => {
  it("reads every field, and numbers of 64 bits exactly", () => {
    const answer = message((writer) => {
      writer.bytes(1, text("k"));
      writer.int64(2, 2n ** 53n + 1n);
      writer.int64(3, 2n ** 63n - 1n);
      writer.int64(4, 1n);
      writer.bytes(5, text("v"));
      writer.int64(6, -(2n ** 63n));
    });
    expect(decodeKeyValue(answer)).toEqual({
      key: text("k"),
      value: text("v"),
      createRevision: 2n ** 53n + 1n,
      modRevision: 2n ** 63n - 1n,
      version: 1n,
      lease: -(2n ** 63n),
    });
  });
});

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

describe("warnOfVersion", () => {
  it("warns once of each version", () => {
    const emit = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const version of ["3.5.1", "3.5.1", "3.5.0", "3.5.30"]) warnOfVersion(version);
    expect(emit.mock.calls.map(([warning]) => String(warning).slice(0, 10))).toEqual([
      "etcd 3.5.1",
      "etcd 3.5.0",
    ]);
    emit.mockRestore();
  });
});

describe("versionWarning", () => {
  it("warns of what is too old, or known to lose data", () => {
    expect(decodeServerVersion(message((writer) => writer.string(2, "3.5.1")))).toBe("3.5.1");
    expect(versionWarning("3.3.27")).toMatch(/too old/);
    for (const version of ["3.5.0", "3.5.2", "3.5.0-rc.1"]) {
      expect(versionWarning(version)).toMatch(/lose data/);
    }
    for (const version of ["3.4.0", "3.4.23", "3.5.3", "3.5.30", "3.6.0", "4.0.0", ""]) {
      expect(versionWarning(version)).toBeUndefined();
    }
  });
});
