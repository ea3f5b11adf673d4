import type {
  DeleteRangeResponse,
  KeyValue,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  TxnResponse,
} from "../api.ts";
import { writeHeader } from "./header-message.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** An answer that is sent by itself, and so needs a header. */
type Sent<Response> = Response & { readonly header: ResponseHeader };

export function encodeTxnResponse(response: TxnResponse, writer: ProtobufWriter): void {
  const { header, succeeded, responses } = response;
  writeHeader(writer, header);
  writer.bool(2, succeeded);
  // As in etcd, each operation says at which revision it was carried out: what comes before
  // the first change still stands at the revision before.
  const before = responses.some(isChange) ? header.revision - 1n : header.revision;
  writeResponses(responses, { now: before, after: header.revision }, writer);
}

export function encodeRangeResponse(response: Sent<RangeResponse>, writer: ProtobufWriter): void {
  writeHeader(writer, response.header);
  encodeRange(response, writer);
}

export function encodePutResponse(response: Sent<PutResponse>, writer: ProtobufWriter): void {
  writeHeader(writer, response.header);
  encodePut(response, writer);
}

export function encodeDeleteRangeResponse(
  response: Sent<DeleteRangeResponse>,
  writer: ProtobufWriter,
): void {
  writeHeader(writer, response.header);
  encodeDelete(response, writer);
}

export function encodeKeyValue(kv: KeyValue, writer: ProtobufWriter): void {
  writer.bytes(1, kv.key);
  writer.int64(2, kv.createRevision);
  writer.int64(3, kv.modRevision);
  writer.int64(4, kv.version);
  writer.bytes(5, kv.value);
  writer.int64(6, kv.lease);
}

interface Revisions {
  now: bigint;
  /** What it is from the first change on. */
  readonly after: bigint;
}

function writeResponses(
  responses: readonly ResponseOp[],
  revisions: Revisions,
  writer: ProtobufWriter,
): void {
  for (const response of responses) {
    writer.message(3, response, (op) => encodeResponseOp(op, revisions, writer));
  }
}

function encodeResponseOp(op: ResponseOp, revisions: Revisions, writer: ProtobufWriter): void {
  if (op.op === "txn") {
    writer.message(4, op.response, ({ succeeded, responses }) => {
      writer.message(1, undefined, () => {});
      writer.bool(2, succeeded);
      writeResponses(responses, revisions, writer);
    });
    return;
  }
  if (isChange(op)) revisions.now = revisions.after;
  const encode = <T>(response: T, encodeRest: (response: T, writer: ProtobufWriter) => void) => {
    writer.message(1, revisions.now, (revision) => writer.int64(3, revision));
    encodeRest(response, writer);
  };
  if (op.op === "range") writer.message(1, op.response, (range) => encode(range, encodeRange));
  else if (op.op === "put") writer.message(2, op.response, (put) => encode(put, encodePut));
  else writer.message(3, op.response, (deletion) => encode(deletion, encodeDelete));
}

function isChange({ op, response }: ResponseOp): boolean {
  if (op === "deleteRange") return response.deleted > 0n;
  return op === "put" || (op === "txn" && response.responses.some(isChange));
}

function encodeRange({ kvs, more, count }: RangeResponse, writer: ProtobufWriter): void {
  for (const kv of kvs) writer.message(2, kv, encodeKeyValue);
  writer.bool(3, more);
  writer.int64(4, count);
}

function encodePut({ prevKv }: PutResponse, writer: ProtobufWriter): void {
  if (prevKv) writer.message(2, prevKv, encodeKeyValue);
}

function encodeDelete({ deleted, prevKvs }: DeleteRangeResponse, writer: ProtobufWriter): void {
  writer.int64(2, deleted);
  for (const kv of prevKvs) writer.message(3, kv, encodeKeyValue);
}
