import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MalformedMessageError } from "../../src/etcd/wire/malformed-message-error.ts";
import { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../src/etcd/wire/protobuf-writer.ts";

function written(write: (writer: ProtobufWriter) => void): Buffer {
  const writer = new ProtobufWriter();
  write(writer);
  return writer.finish();
}

function firstField<T>(bytes: Uint8Array, read: (reader: ProtobufReader) => T): T {
  const reader = new ProtobufReader(bytes);
  expect(reader.next()).toBe(true);
  return read(reader);
}

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 31n, 2n ** 49n),
);

describe("ProtobufWriter and ProtobufReader", () => {
  it("keep every int64 as it is", () => {
    fc.assert(
      fc.property(int64, (value) => {
        fc.pre(value !== 0n);
        const bytes = written((writer) => writer.int64(1, value));
        expect(firstField(bytes, (reader) => reader.int64())).toBe(value);
      }),
    );
  });

  it("write a negative number in ten bytes, as protobuf has it", () => {
    const bytes = written((writer) => writer.int64(1, -1n));
    expect(bytes.toString("hex")).toBe("08ffffffffffffffffff01");
  });

  it("read a uint64 up to its end", () => {
    const bytes = Buffer.from("08ffffffffffffffffff01", "hex");
    expect(firstField(bytes, (reader) => reader.uint64())).toBe(2n ** 64n - 1n);
  });

  it("refuse to write what does not fit into an int64", () => {
    expect(() => written((writer) => writer.int64(1, 2n ** 63n))).toThrow(RangeError);
    expect(() => written((writer) => writer.int64(1, -(2n ** 63n) - 1n))).toThrow(RangeError);
  });

  it("leave out what is at its default", () => {
    const bytes = written((writer) => {
      writer.int64(1, 0n);
      writer.int64(2, undefined);
      writer.bool(3, false);
      writer.bytes(4, new Uint8Array(0));
      writer.uint32(5, 0);
      writer.string(6, "");
    });
    expect(bytes).toHaveLength(0);
  });

  it("keep messages inside messages whole, whatever their length", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 4 }), (sizes) => {
        const write = (depth: number, writer: ProtobufWriter): void => {
          writer.bytes(1, new Uint8Array(sizes[depth] ?? 0).fill(depth + 1));
          if (depth < sizes.length) writer.message(2, depth + 1, write);
        };
        let reader: ProtobufReader | undefined = new ProtobufReader(written((w) => write(0, w)));
        for (let depth = 0; reader; depth++) {
          let inner: ProtobufReader | undefined;
          let size = 0;
          while (reader.next()) {
            if (reader.field === 1) size = reader.bytes().length;
            else inner = reader.message();
          }
          expect(size).toBe(sizes[depth] ?? 0);
          reader = inner;
        }
      }),
      { numRuns: 50 },
    );
  });

  it("skip fields that they do not know, of every wire type", () => {
    const known = written((writer) => writer.int64(9, 7n));
    const unknown = Buffer.from(`10ff0119${"00".repeat(8)}22036162632d00000000`, "hex");
    const reader = new ProtobufReader(Buffer.concat([unknown, known]));
    const fields: number[] = [];
    let value = 0n;
    while (reader.next()) {
      fields.push(reader.field);
      if (reader.field === 9) value = reader.int64();
      else reader.skip();
    }
    expect(fields).toEqual([2, 3, 4, 5, 9]);
    expect(value).toBe(7n);
  });

  it("copy bytes, so that a key does not keep the whole answer in memory", () => {
    const bytes = written((writer) => writer.bytes(1, Buffer.from("key")));
    const key = firstField(bytes, (reader) => reader.bytes());
    bytes.fill(0);
    expect(key).toEqual(new Uint8Array([107, 101, 121]));
    expect(key.buffer.byteLength).toBe(3);
    expect(Buffer.isBuffer(key)).toBe(false);
  });

  it("throw on what is no message, and never crash or hang", () => {
    const readAll = (reader: ProtobufReader, depth: number): void => {
      while (reader.next()) {
        if (depth < 5 && reader.field % 3 === 0) readAll(reader.message(), depth + 1);
        else if (reader.field % 3 === 1) reader.int64();
        else reader.skip();
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          readAll(new ProtobufReader(bytes), 0);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessageError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["a number that never ends", "08ffffffffffffffffffff01", /more than ten bytes/],
    ["a number that is cut", "08ff", /middle of a field/],
    ["a length beyond the end", "0aff01", /middle of a field/],
    ["a length beyond 32 bits", "0affffffffff01", /too large/],
    ["a group that does not end", "0b0801", /middle of a field/],
    ["the end of no group", "0c", /wire type 4/],
    ["the field 0", "00", /number 0/],
  ])("say what is wrong with %s", (_what, hex, message) => {
    const reader = new ProtobufReader(Buffer.from(hex, "hex"));
    const read = (): void => {
      while (reader.next()) reader.skip();
    };
    expect(read).toThrow(MalformedMessageError);
    const again = new ProtobufReader(Buffer.from(hex, "hex"));
    expect(() => {
      while (again.next()) again.skip();
    }).toThrow(message);
  });

  it("refuse to read a field as what it is not", () => {
    const bytes = written((writer) => writer.int64(1, 5n));
    expect(() => firstField(bytes, (reader) => reader.bytes())).toThrow(/wire type 0 instead of 2/);
  });
});
