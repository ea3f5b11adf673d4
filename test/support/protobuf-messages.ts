import { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../src/etcd/wire/protobuf-writer.ts";

/** A text as a message carries it. */
export const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

/** What `encode` writes, as hexadecimal digits. */
export function hexOf<T>(value: T, encode: (value: T, writer: ProtobufWriter) => void): string {
  const writer = new ProtobufWriter();
  encode(value, writer);
  return writer.finish().toString("hex");
}

/** A message as a server would write it, ready to be read. */
export function message(write: (writer: ProtobufWriter) => void): ProtobufReader {
  const writer = new ProtobufWriter();
  write(writer);
  return new ProtobufReader(writer.finish());
}

/** Writes a message within a message. */
export function nested(
  writer: ProtobufWriter,
  field: number,
  write: (inner: ProtobufWriter) => void,
): void {
  writer.message(field, undefined, (_, inner) => write(inner));
}

export const header = {
  clusterId: 2n ** 64n - 1n,
  memberId: 2n,
  revision: 2n ** 62n,
  raftTerm: 4n,
};

/** Writes `header` as a server would. */
export function writeHeader(writer: ProtobufWriter): void {
  nested(writer, 1, (header) => {
    header.int64(1, -1n);
    header.int64(2, 2n);
    header.int64(3, 2n ** 62n);
    header.int64(4, 4n);
  });
}
