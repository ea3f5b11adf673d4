import { describe, expect, it } from "vitest";
import type { TxnRequest } from "../../src/etcd/api.ts";
import { encodeTxnRequest } from "../../src/etcd/wire/kv-requests.ts";
import { decodeKeyValue, decodeTxnResponse } from "../../src/etcd/wire/kv-responses.ts";
import { header, hexOf, message, nested, text, writeHeader } from "../support/protobuf-messages.ts";

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
