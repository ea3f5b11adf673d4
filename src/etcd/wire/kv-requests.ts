import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../api.ts";

import {
  compareResults,
  compareTargets,
  operandFields,
  sortOrders,
  sortTargets,
} from "./kv-numbers.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

export function encodeTxnRequest(request: TxnRequest, writer: ProtobufWriter): void {
  for (const compare of request.compare ?? []) writer.message(1, compare, encodeCompare);
  for (const op of request.success ?? []) writer.message(2, op, encodeRequestOp);
  for (const op of request.failure ?? []) writer.message(3, op, encodeRequestOp);
}

export function encodeCompactionRequest(revision: bigint, writer: ProtobufWriter): void {
  writer.int64(1, revision);
}

function encodeCompare(compare: Compare, writer: ProtobufWriter): void {
  writer.uint32(1, compareResults[compare.result]);
  writer.uint32(2, compareTargets[compare.target]);
  writer.bytes(3, compare.key);
  const field = operandFields[compare.target];
  if (compare.target === "value") writer.bytes(field, compare.operand);
  else writer.int64(field, compare.operand);
  writer.bytes(64, compare.rangeEnd);
}

function encodeRequestOp(op: RequestOp, writer: ProtobufWriter): void {
  if (op.op === "range") writer.message(1, op.request, encodeRangeRequest);
  else if (op.op === "put") writer.message(2, op.request, encodePutRequest);
  else if (op.op === "deleteRange") writer.message(3, op.request, encodeDeleteRangeRequest);
  else writer.message(4, op.request, encodeTxnRequest);
}

export function encodeRangeRequest(request: RangeRequest, writer: ProtobufWriter): void {
  writer.bytes(1, request.key);
  writer.bytes(2, request.rangeEnd);
  writer.int64(3, request.limit);
  writer.int64(4, request.revision);
  if (request.sort) {
    writer.uint32(5, sortOrders[request.sort.order]);
    writer.uint32(6, sortTargets[request.sort.by]);
  }
  writer.bool(8, request.keysOnly);
  writer.bool(9, request.countOnly);
  writer.int64(10, request.minModRevision);
  writer.int64(11, request.maxModRevision);
  writer.int64(12, request.minCreateRevision);
  writer.int64(13, request.maxCreateRevision);
}

export function encodePutRequest(request: PutRequest, writer: ProtobufWriter): void {
  writer.bytes(1, request.key);
  writer.bytes(2, request.value);
  writer.int64(3, request.lease);
  writer.bool(4, request.prevKv);
  writer.bool(5, request.ignoreValue);
  writer.bool(6, request.ignoreLease);
}

export function encodeDeleteRangeRequest(
  request: DeleteRangeRequest,
  writer: ProtobufWriter,
): void {
  writer.bytes(1, request.key);
  writer.bytes(2, request.rangeEnd);
  writer.bool(3, request.prevKv);
}
