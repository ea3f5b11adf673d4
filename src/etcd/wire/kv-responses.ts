import type {
  DeleteRangeResponse,
  KeyValue,
  PutResponse,
  RangeResponse,
  ResponseOp,
  TxnResponse,
} from "../api.ts";
import { decodeResponseHeader, emptyHeader } from "./header-message.ts";
import { MalformedMessageError } from "./malformed-message-error.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

const noBytes: Uint8Array = new Uint8Array(0);

export function decodeTxnResponse(reader: ProtobufReader): TxnResponse {
  let header = emptyHeader;
  let succeeded = false;
  const responses: ResponseOp[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = decodeResponseHeader(reader.message());
    else if (reader.field === 2) succeeded = reader.bool();
    else if (reader.field === 3) responses.push(decodeResponseOp(reader.message()));
    else reader.skip();
  }
  return { header, succeeded, responses };
}

export function decodeKeyValue(reader: ProtobufReader): KeyValue {
  let key = noBytes;
  let value = noBytes;
  let createRevision = 0n;
  let modRevision = 0n;
  let version = 0n;
  let lease = 0n;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytes();
    else if (reader.field === 2) createRevision = reader.int64();
    else if (reader.field === 3) modRevision = reader.int64();
    else if (reader.field === 4) version = reader.int64();
    else if (reader.field === 5) value = reader.bytes();
    else if (reader.field === 6) lease = reader.int64();
    else reader.skip();
  }
  return { key, value, createRevision, modRevision, version, lease };
}

function decodeResponseOp(reader: ProtobufReader): ResponseOp {
  let op: ResponseOp | undefined;
  while (reader.next()) {
    if (reader.field === 1) op = { op: "range", response: decodeRange(reader.message()) };
    else if (reader.field === 2) op = { op: "put", response: decodePut(reader.message()) };
    else if (reader.field === 3)
      op = { op: "deleteRange", response: decodeDelete(reader.message()) };
    else if (reader.field === 4) op = { op: "txn", response: decodeNestedTxn(reader.message()) };
    else reader.skip();
  }
  if (!op) throw new MalformedMessageError("an operation of a transaction has no answer");
  return op;
}

// The header of an answer inside another says nothing that the outer one does not say.
function decodeNestedTxn(reader: ProtobufReader): Omit<TxnResponse, "header"> {
  const { succeeded, responses } = decodeTxnResponse(reader);
  return { succeeded, responses };
}

function decodeRange(reader: ProtobufReader): RangeResponse {
  const kvs: KeyValue[] = [];
  let more = false;
  let count = 0n;
  while (reader.next()) {
    if (reader.field === 2) kvs.push(decodeKeyValue(reader.message()));
    else if (reader.field === 3) more = reader.bool();
    else if (reader.field === 4) count = reader.int64();
    else reader.skip();
  }
  return { kvs, more, count };
}

function decodePut(reader: ProtobufReader): PutResponse {
  let prevKv: KeyValue | undefined;
  while (reader.next()) {
    if (reader.field === 2) prevKv = decodeKeyValue(reader.message());
    else reader.skip();
  }
  return prevKv ? { prevKv } : {};
}

function decodeDelete(reader: ProtobufReader): DeleteRangeResponse {
  let deleted = 0n;
  const prevKvs: KeyValue[] = [];
  while (reader.next()) {
    if (reader.field === 2) deleted = reader.int64();
    else if (reader.field === 3) prevKvs.push(decodeKeyValue(reader.message()));
    else reader.skip();
  }
  return { deleted, prevKvs };
}
