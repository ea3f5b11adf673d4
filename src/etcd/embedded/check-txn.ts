import type { RequestOp, TxnRequest } from "../api.ts";
import { checkOverlaps } from "./check-overlaps.ts";
import { refusal } from "./refusals.ts";
import { checkSize } from "./request-size.ts";

// What etcd's --max-txn-ops is if nobody sets it.
const mostOps = 128;

/**
 * Refuses what etcd refuses without a look at the store: requests that are malformed, too
 * large, or write one key twice.
 *
 * @throws {StoreError}
 */
export function checkTxn(request: TxnRequest): void {
  checkShape(request, mostOps);
  checkOverlaps(request.success);
  checkOverlaps(request.failure);
  if (!isReadOnly(request)) checkSize(request);
}

/** A nested transaction may have only as many operations as the widest list around it leaves. */
function checkShape({ compare = [], success = [], failure = [] }: TxnRequest, most: number): void {
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > most) throw refusal("tooManyOps");

  for (const { key } of compare) checkKey(key);
  for (const op of success) checkOp(op, most - ops);
  for (const op of failure) checkOp(op, most - ops);
}

function checkOp(op: RequestOp, most: number): void {
  if (op.op === "txn") {
    checkShape(op.request, most);
    return;
  }
  checkKey(op.request.key);
  if (op.op !== "put") return;
  const { value, lease = 0n, ignoreValue, ignoreLease } = op.request;
  if (ignoreValue && value.length > 0) throw refusal("valueProvided");
  if (ignoreLease && lease !== 0n) throw refusal("leaseProvided");
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0) throw refusal("emptyKey");
}

/** As etcd sees it, a transaction with a nested one writes, whatever that one does. */
function isReadOnly({ success = [], failure = [] }: TxnRequest): boolean {
  return success.every(({ op }) => op === "range") && failure.every(({ op }) => op === "range");
}
