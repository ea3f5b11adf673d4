import type { Compare, KeyRange, RequestOp, TxnRequest } from "../api.ts";
import { refusal } from "./refusals.ts";

// What etcd's --max-request-bytes is if nobody sets it.
const mostBytes = 1_572_864;

// What etcd puts around a transaction before it measures it: an id and two lengths.
const envelopeBytes = 18;

/**
 * Refuses what is too large for etcd to pass on between its members.
 *
 * @throws {StoreError}
 */
export function checkSize(request: TxnRequest): void {
  if (txnBytes(request) + envelopeBytes > mostBytes) throw refusal("tooLarge");
}

// The sizes in the protobuf encoding. A field takes a byte for its number, and is left out
// when it is empty or zero.

function txnBytes({ compare = [], success = [], failure = [] }: TxnRequest): number {
  let bytes = 0;
  for (const condition of compare) bytes += nested(compareBytes(condition));
  for (const op of success) bytes += nested(nested(opBytes(op)));
  for (const op of failure) bytes += nested(nested(opBytes(op)));
  return bytes;
}

function opBytes(op: RequestOp): number {
  if (op.op === "txn") return txnBytes(op.request);
  const { request } = op;
  if (op.op === "deleteRange") return rangeBytes(request) + flag(op.request.prevKv);
  if (op.op === "put") {
    const { value, lease, prevKv, ignoreValue, ignoreLease } = op.request;
    const flags = flag(prevKv) + flag(ignoreValue) + flag(ignoreLease);
    return field(request.key.length) + field(value.length) + integer(lease) + flags;
  }
  const { limit, revision, sort, keysOnly, countOnly } = op.request;
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = op.request;
  return (
    rangeBytes(request) +
    integer(limit) +
    integer(revision) +
    integer(minModRevision) +
    integer(maxModRevision) +
    integer(minCreateRevision) +
    integer(maxCreateRevision) +
    flag(sort !== undefined) +
    flag(sort !== undefined && sort.by !== "key") +
    flag(keysOnly) +
    flag(countOnly)
  );
}

function compareBytes(compare: Compare): number {
  // The operand is there even if it is zero or empty; the number of `rangeEnd` takes two bytes.
  const operand =
    compare.target === "value" ? nested(compare.operand.length) : integer(compare.operand) || 2;
  return (
    flag(compare.result !== "equal") +
    flag(compare.target !== "version") +
    rangeBytes(compare) +
    flag(!!compare.rangeEnd?.length) / 2 +
    operand
  );
}

function rangeBytes({ key, rangeEnd }: KeyRange): number {
  return field(key.length) + field(rangeEnd?.length ?? 0);
}

function field(length: number): number {
  return length === 0 ? 0 : nested(length);
}

function nested(length: number): number {
  return 1 + varint(length) + length;
}

function flag(isSet: boolean | undefined): number {
  return isSet ? 2 : 0;
}

function integer(value: bigint | undefined): number {
  if (!value) return 0;
  const unsigned = BigInt.asUintN(64, value);
  const high = Number(unsigned >> 32n);
  const bits = high > 0 ? 32 + bitsOf(high) : bitsOf(Number(unsigned));
  return 1 + Math.ceil(bits / 7);
}

function varint(value: number): number {
  return Math.max(1, Math.ceil(bitsOf(value) / 7));
}

function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}
