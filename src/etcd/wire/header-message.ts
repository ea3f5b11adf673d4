import type { ResponseHeader } from "../api.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** What an answer without a header counts as having said. */
export const emptyHeader: ResponseHeader = {
  clusterId: 0n,
  memberId: 0n,
  revision: 0n,
  raftTerm: 0n,
};

export function decodeResponseHeader(reader: ProtobufReader): ResponseHeader {
  let clusterId = 0n;
  let memberId = 0n;
  let revision = 0n;
  let raftTerm = 0n;
  while (reader.next()) {
    if (reader.field === 1) clusterId = reader.uint64();
    else if (reader.field === 2) memberId = reader.uint64();
    else if (reader.field === 3) revision = reader.int64();
    else if (reader.field === 4) raftTerm = reader.uint64();
    else reader.skip();
  }
  return { clusterId, memberId, revision, raftTerm };
}

/** Decodes an answer of which only the header matters. */
export function decodeHeaderOnly(reader: ProtobufReader): { header: ResponseHeader } {
  let header = emptyHeader;
  while (reader.next()) {
    if (reader.field === 1) header = decodeResponseHeader(reader.message());
    else reader.skip();
  }
  return { header };
}

/** Writes the header as every answer has it: as its first field. */
export function writeHeader(writer: ProtobufWriter, header: ResponseHeader): void {
  writer.message(1, header, encodeResponseHeader);
}

/** Encodes an answer that has nothing but a header. */
export function encodeHeaderOnly(
  { header }: { readonly header: ResponseHeader },
  writer: ProtobufWriter,
): void {
  writeHeader(writer, header);
}

function encodeResponseHeader(header: ResponseHeader, writer: ProtobufWriter): void {
  writer.uint64(1, header.clusterId);
  writer.uint64(2, header.memberId);
  writer.int64(3, header.revision);
  writer.uint64(4, header.raftTerm);
}
