import { describe, expect, it } from "vitest";
import { encodeFrame, FrameReader, plainFrames } from "../../src/etcd/wire/framing.ts";
import type { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";

const frame = (text: string): Buffer => encodeFrame(text, (value, w) => w.string(1, value));

function textOf(reader: ProtobufReader): string {
  return reader.next() ? reader.string() : "";
}

describe("encodeFrame", () => {
  it("puts a flag and the length before the message", () => {
    expect(frame("ab").toString("hex")).toBe("00000000040a026162");
    expect(frame("").toString("hex")).toBe("0000000000");
  });
});

describe("FrameReader", () => {
  const texts = ["one", "", "x".repeat(300), "four"];
  const all = Buffer.concat(texts.map(frame));

  it("finds the messages again wherever the network cuts", () => {
    for (let cut = 0; cut <= all.length; cut++) {
      const frames = new FrameReader(plainFrames(1_000));
      const first = frames.push(all.subarray(0, cut));
      const found = [...first, ...frames.push(all.subarray(cut))];
      expect(found.map(textOf)).toEqual(texts);
      expect(frames.isBetweenFrames).toBe(true);
    }
  });

  it("finds them byte by byte", () => {
    const frames = new FrameReader(plainFrames(1_000));
    const found = [...all].flatMap((byte) => frames.push(Buffer.from([byte])));
    expect(found.map(textOf)).toEqual(texts);
  });

  it("knows when it is in the middle of a message", () => {
    const frames = new FrameReader(plainFrames(1_000));
    frames.push(all.subarray(0, 6));
    expect(frames.isBetweenFrames).toBe(false);
  });

  it("refuses compressed and oversized messages", () => {
    expect(() => new FrameReader(plainFrames(10)).push(Buffer.from("0100000000", "hex"))).toThrow(
      /compressed/,
    );
    expect(() => new FrameReader(plainFrames(10)).push(Buffer.from("000000000b", "hex"))).toThrow(
      /11 bytes/,
    );
  });
});
