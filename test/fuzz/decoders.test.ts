import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { decodeAuthenticateResponse } from "../../src/etcd/wire/auth-messages.ts";
import { FrameReader, plainFrames } from "../../src/etcd/wire/framing.ts";
import { decodeGrpcMessage } from "../../src/etcd/wire/grpc-status.ts";
import { decodeHeaderOnly } from "../../src/etcd/wire/header-message.ts";
import {
  decodeCompactionRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
} from "../../src/etcd/wire/kv-requests-received.ts";
import { decodeKeyValue, decodeTxnResponse } from "../../src/etcd/wire/kv-responses.ts";
import {
  decodeLeaseGrantRequest,
  decodeLeaseGrantResponse,
  decodeLeaseId,
  decodeLeaseKeepAliveResponse,
  decodeLeaseTimeToLiveRequest,
  decodeLeaseTimeToLiveResponse,
} from "../../src/etcd/wire/lease-messages.ts";
import { MalformedMessageError } from "../../src/etcd/wire/malformed-message-error.ts";
import { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import { decodeWatchAnswer } from "../../src/etcd/wire/watch-messages.ts";
import { decodeWatchCommand } from "../../src/etcd/wire/watch-messages-received.ts";

const { RUNS = "800", SEED = "1" } = process.env;
const options = { numRuns: Number(RUNS), seed: Number(SEED) };

const decoders = {
  decodeTxnResponse,
  decodeKeyValue,
  decodeHeaderOnly,
  decodeLeaseGrantResponse,
  decodeLeaseKeepAliveResponse,
  decodeLeaseTimeToLiveResponse,
  decodeWatchAnswer,
  decodeAuthenticateResponse,
  decodeTxnRequest,
  decodeRangeRequest,
  decodePutRequest,
  decodeDeleteRangeRequest,
  decodeCompactionRequest,
  decodeLeaseGrantRequest,
  decodeLeaseId,
  decodeLeaseTimeToLiveRequest,
  decodeWatchCommand,
};

// What nearly makes sense goes deeper than what makes none.
const varint = fc.oneof(
  fc.nat({ max: 127 }).map((byte) => [byte]),
  fc.array(fc.integer({ min: 128, max: 255 }), { minLength: 1, maxLength: 11 }),
  fc.constant([255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
);
const field = fc.tuple(fc.nat({ max: 15 }), fc.nat({ max: 7 })).map(([id, type]) => id * 8 + type);
const bytes: fc.Arbitrary<number[]> = fc.letrec<{ message: number[] }>((tie) => ({
  message: fc
    .array(
      fc.oneof(
        { depthSize: "small" },
        fc.tuple(field, varint).map(([tag, value]) => [tag, ...value]),
        fc.tuple(fc.nat({ max: 15 }), tie("message")).map(([id, inner]) => [
          id * 8 + 2,
          // At times it says that it is longer than it is.
          Math.min(inner.length + (inner.length % 5 === 0 ? 3 : 0), 127),
          ...inner,
        ]),
        fc.array(fc.nat({ max: 255 }), { maxLength: 6 }),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.flat()),
})).message;

describe.each(Object.entries(decoders))("%s", (_, decode) => {
  it("reads any bytes, or says that they make no sense", () => {
    fc.assert(
      fc.property(bytes, (message) => {
        try {
          decode(new ProtobufReader(Uint8Array.from(message)));
        } catch (error) {
          // What a server refuses, it refuses as etcd does.
          const isClear = error instanceof MalformedMessageError || error instanceof StoreError;
          expect(isClear, String(error)).toBe(true);
        }
      }),
      options,
    );
  });
});

describe("FrameReader", () => {
  it("takes any bytes in any pieces, and keeps no more than a frame may have", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, (chunks) => {
        const reader = new FrameReader(plainFrames(1_000));
        try {
          for (const chunk of chunks) for (const _ of reader.push(Buffer.from(chunk)));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(RangeError);
          expect(error).not.toBeInstanceOf(TypeError);
        }
      }),
      options,
    );
  });
});

describe("decodeGrpcMessage", () => {
  it("never fails, whatever stands in the header", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(typeof decodeGrpcMessage(text)).toBe("string");
      }),
      options,
    );
  });
});
