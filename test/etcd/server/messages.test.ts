import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TxnRequest } from "../../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../../src/etcd/embedded/embedded-etcd.ts";
import { watchFrames } from "../../../src/etcd/server/watch-frames.ts";
import { FrameReader, plainFrames } from "../../../src/etcd/wire/framing.ts";
import { decodeGrpcMessage, encodeGrpcMessage } from "../../../src/etcd/wire/grpc-status.ts";
import { encodeTxnRequest } from "../../../src/etcd/wire/kv-requests.ts";
import { decodeTxnRequest } from "../../../src/etcd/wire/kv-requests-received.ts";
import { decodeTxnResponse } from "../../../src/etcd/wire/kv-responses.ts";
import { encodeTxnResponse } from "../../../src/etcd/wire/kv-responses-sent.ts";
import {
  decodeLeaseGrantRequest,
  decodeLeaseGrantResponse,
  decodeLeaseTimeToLiveRequest,
  decodeLeaseTimeToLiveResponse,
  encodeLeaseGrantRequest,
  encodeLeaseGrantResponse,
  encodeLeaseTimeToLiveRequest,
  encodeLeaseTimeToLiveResponse,
} from "../../../src/etcd/wire/lease-messages.ts";
import { ProtobufReader } from "../../../src/etcd/wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../../src/etcd/wire/protobuf-writer.ts";
import { decodeWatchAnswer, encodeWatchCommand } from "../../../src/etcd/wire/watch-messages.ts";
import { decodeWatchCommand } from "../../../src/etcd/wire/watch-messages-received.ts";
import { header, hexOf, text } from "../../support/protobuf-messages.ts";
import { resolveTxn, sequenceArb } from "../../support/random-requests.ts";

function passed<Sent, Received>(
  value: Sent,
  encode: (value: Sent, writer: ProtobufWriter) => void,
  decode: (reader: ProtobufReader) => Received,
): Received {
  const writer = new ProtobufWriter();
  encode(value, writer);
  return decode(new ProtobufReader(writer.finish()));
}

describe("What one side sends", () => {
  it("is what the other side reads, for transactions and what they come to", {
    timeout: 20_000,
  }, async () => {
    const property = fc.asyncProperty(sequenceArb, async (steps) => {
      const etcd = new EmbeddedEtcd();
      for (const step of steps) {
        if (step.do !== "txn") continue;
        const { revision } = (await etcd.txn({})).header;
        const sent: TxnRequest = resolveTxn(step.request, { revision, leaseId: (id) => id });
        const received = passed(sent, encodeTxnRequest, decodeTxnRequest);
        expect(hexOf(received, encodeTxnRequest)).toBe(hexOf(sent, encodeTxnRequest));

        const answer = await etcd.txn(received).catch(() => undefined);
        if (answer) expect(passed(answer, encodeTxnResponse, decodeTxnResponse)).toEqual(answer);
      }
      await etcd.close();
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it("is what the other side reads, for leases", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.boolean(),
        (id, keys) => {
          const grant = { ttl: 60n, id };
          expect(passed(grant, encodeLeaseGrantRequest, decodeLeaseGrantRequest)).toEqual(grant);
          const granted = { header, ...grant };
          expect(passed(granted, encodeLeaseGrantResponse, decodeLeaseGrantResponse)).toEqual(
            granted,
          );
          const look = { id, keys };
          expect(passed(look, encodeLeaseTimeToLiveRequest, decodeLeaseTimeToLiveRequest)).toEqual(
            look,
          );
          const found = { header, ttl: -1n, grantedTtl: 60n, keys: [text("k"), text("l")] };
          const sent = { ...found, id };
          expect(
            passed(sent, encodeLeaseTimeToLiveResponse, decodeLeaseTimeToLiveResponse),
          ).toEqual(found);
        },
      ),
    );
  });

  it("is what the other side reads, for watches", () => {
    const request = { key: text("a"), rangeEnd: text("b"), startRevision: 5n, prevKv: true };
    const read = (command: Parameters<typeof encodeWatchCommand>[0]) =>
      passed(command, encodeWatchCommand, decodeWatchCommand);
    expect(read({ command: "create", id: 3n, request })).toEqual({
      command: "create",
      request: { ...request, id: 3n, progressNotify: true, without: new Set(), fragment: false },
    });
    expect(read({ command: "cancel", id: 3n })).toEqual({ command: "cancel", id: 3n });
    expect(read({ command: "progress" })).toEqual({ command: "progress" });
  });

  it("is what the other side reads, for the text of a status", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (message) => {
        const text = Buffer.from(message).toString();
        const encoded = encodeGrpcMessage(text);
        expect(encoded).toMatch(/^[ -~]*$/);
        expect(decodeGrpcMessage(encoded)).toBe(text);
      }),
    );
  });
});

describe("watchFrames", () => {
  const kv = { createRevision: 1n, modRevision: 1n, version: 1n, lease: 0n, value: text("v") };
  const events = Array.from({ length: 10 }, (_, n) => ({
    type: "put" as const,
    kv: { ...kv, key: text(`k${n}`) },
  }));

  it.each([100, 250, 500, 10_000])("cuts into parts of %s bytes, and loses nothing", (bytesMax) => {
    const frames = watchFrames({ header, id: 1n, events }, true, bytesMax);
    const reader = new FrameReader(plainFrames(2 ** 20));
    const answers = frames.flatMap((frame) => reader.push(frame)).map(decodeWatchAnswer);
    expect(answers.flatMap((answer) => answer.events)).toEqual(events);
    for (const [n, frame] of frames.entries()) {
      expect(frame.length < bytesMax + 60 || answers[n]?.events.length === 1).toBe(true);
    }
  });

  it("cuts nothing for whom cannot put it together", () => {
    expect(watchFrames({ header, id: 1n, events }, false, 100)).toHaveLength(1);
  });
});
