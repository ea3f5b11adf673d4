import { StoreError } from "../../errors.ts";
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../api.ts";
import { compareResults, compareTargets, sortTargets, wordFor } from "./kv-numbers.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

const noBytes: Uint8Array = new Uint8Array(0);

// Each transaction in another one is an operation of it, of which etcd takes so many. It must
// not be found out only after the last one was read: there can be more of them than there is stack.
const deepestTxn = 128;

/**
 * Decodes a transaction.
 *
 * @throws {StoreError} for what etcd refuses though it is well-formed.
 */
export function decodeTxnRequest(reader: ProtobufReader, depth = 0): TxnRequest {
  if (depth > deepestTxn) {
    throw refused("etcdserver: too many operations in txn request");
  }
  const compare: Compare[] = [];
  const success: RequestOp[] = [];
  const failure: RequestOp[] = [];
  while (reader.next()) {
    if (reader.field === 1) compare.push(decodeCompare(reader.message()));
    else if (reader.field === 2) success.push(decodeRequestOp(reader.message(), depth));
    else if (reader.field === 3) failure.push(decodeRequestOp(reader.message(), depth));
    else reader.skip();
  }
  return { compare, success, failure };
}

function decodeRequestOp(reader: ProtobufReader, depth: number): RequestOp {
  let op: RequestOp | undefined;
  while (reader.next()) {
    if (reader.field === 1) op = { op: "range", request: decodeRangeRequest(reader.message()) };
    else if (reader.field === 2) op = { op: "put", request: decodePutRequest(reader.message()) };
    else if (reader.field === 3)
      op = { op: "deleteRange", request: decodeDeleteRangeRequest(reader.message()) };
    else if (reader.field === 4)
      op = { op: "txn", request: decodeTxnRequest(reader.message(), depth + 1) };
    else reader.skip();
  }
  if (!op) throw refused("etcdserver: key not found");
  return op;
}

function decodeCompare(reader: ProtobufReader): Compare {
  let resultNumber = 0;
  let targetNumber = 0;
  let key = noBytes;
  let rangeEnd: Uint8Array | undefined;
  let number = 0n;
  let value = noBytes;
  while (reader.next()) {
    if (reader.field === 1) resultNumber = reader.uint32();
    else if (reader.field === 2) targetNumber = reader.uint32();
    else if (reader.field === 3) key = reader.bytes();
    else if (reader.field === 7) value = reader.bytes();
    else if (reader.field === 64) rangeEnd = reader.bytes();
    else if (reader.field >= 4 && reader.field <= 8) number = reader.int64();
    else reader.skip();
  }
  const result = wordFor(compareResults, resultNumber);
  const target = wordFor(compareTargets, targetNumber);
  // Etcd lets these pass, and takes the condition to hold whatever there is.
  if (!result || !target) throw refused("etcdserver: invalid comparison in txn request");
  const range = { key, rangeEnd, result };
  if (target === "value") return { ...range, target, operand: value };
  return { ...range, target, operand: number };
}

/** @throws {StoreError} for an order by something that etcd does not know: a real one dies of it. */
export function decodeRangeRequest(reader: ProtobufReader): RangeRequest {
  let key = noBytes;
  let rangeEnd: Uint8Array | undefined;
  const numbers = [0n, 0n, 0n, 0n, 0n, 0n];
  let orderNumber = 0;
  let targetNumber = 0;
  let keysOnly = false;
  let countOnly = false;
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) key = reader.bytes();
    else if (field === 2) rangeEnd = reader.bytes();
    else if (field === 3 || field === 4) numbers[field - 3] = reader.int64();
    else if (field === 5) orderNumber = reader.uint32();
    else if (field === 6) targetNumber = reader.uint32();
    else if (field === 8) keysOnly = reader.bool();
    else if (field === 9) countOnly = reader.bool();
    else if (field >= 10 && field <= 13) numbers[field - 8] = reader.int64();
    else reader.skip();
  }
  const by = wordFor(sortTargets, targetNumber);
  if (!by || orderNumber > 2) throw refused("etcdserver: invalid sort option");
  const [limit, revision, minMod, maxMod, minCreate, maxCreate] = numbers;
  // Without an order, keys come in that of their names; by anything else they go up.
  const isSorted = orderNumber > 0 || by !== "key";
  return {
    key,
    rangeEnd,
    limit,
    revision,
    keysOnly,
    countOnly,
    minModRevision: minMod,
    maxModRevision: maxMod,
    minCreateRevision: minCreate,
    maxCreateRevision: maxCreate,
    sort: isSorted ? { by, order: orderNumber === 2 ? "descending" : "ascending" } : undefined,
  };
}

export function decodePutRequest(reader: ProtobufReader): PutRequest {
  let key = noBytes;
  let value = noBytes;
  let lease = 0n;
  let prevKv = false;
  let ignoreValue = false;
  let ignoreLease = false;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytes();
    else if (reader.field === 2) value = reader.bytes();
    else if (reader.field === 3) lease = reader.int64();
    else if (reader.field === 4) prevKv = reader.bool();
    else if (reader.field === 5) ignoreValue = reader.bool();
    else if (reader.field === 6) ignoreLease = reader.bool();
    else reader.skip();
  }
  return { key, value, lease, prevKv, ignoreValue, ignoreLease };
}

export function decodeDeleteRangeRequest(reader: ProtobufReader): DeleteRangeRequest {
  let key = noBytes;
  let rangeEnd: Uint8Array | undefined;
  let prevKv = false;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytes();
    else if (reader.field === 2) rangeEnd = reader.bytes();
    else if (reader.field === 3) prevKv = reader.bool();
    else reader.skip();
  }
  return { key, rangeEnd, prevKv };
}

/** Decodes which revision to forget all before. Whether on disk too, nobody asks us here. */
export function decodeCompactionRequest(reader: ProtobufReader): bigint {
  let revision = 0n;
  while (reader.next()) {
    if (reader.field === 1) revision = reader.int64();
    else reader.skip();
  }
  return revision;
}

function refused(message: string): StoreError {
  return new StoreError("INVALID_ARGUMENT", message);
}
