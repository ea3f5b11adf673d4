import type { RequestOp, TxnRequest } from "../etcd/api.ts";
import { ownRange } from "./revocation.ts";
import type { Standing } from "./transactor.ts";

// Etcd takes 128 operations in a transaction, but counts them by level.
const keysAtOnce = 100;

/**
 * Moves a session from one lease to another, with all the keys that hang on it: their create
 * revisions stay, and so do their places in queues, and the tokens.
 *
 * The first request puts the session's new key, and puts its old one anew, which makes void what
 * was sent before. If it was carried out already, and the old key is gone, its failure reads the new
 * key. Each one reads what others want back from the session.
 */
export function rollRequests(
  from: Standing,
  to: Standing,
  value: Uint8Array,
  keys: readonly Uint8Array[],
): readonly TxnRequest[] {
  const [first, ...others] = moveRequests(from.lease, to.lease, keys);
  const requests: RequestOp = { op: "range", request: ownRange(from.key) };
  return [
    {
      compare: [{ key: from.key, target: "lease", result: "equal", operand: from.lease }],
      success: [
        { op: "put", request: { key: to.key, value, lease: to.lease } },
        putOn(from.lease, from.key),
        requests,
        ...(first?.success ?? []),
      ],
      failure: [{ op: "range", request: { key: to.key } }],
    },
    ...others.map(({ success = [] }) => ({ success: [requests, ...success] })),
  ];
}

/** Moves keys from one lease to another, as far as they hang on that: once, however often it is asked. */
export function moveRequests(
  from: bigint,
  to: bigint,
  keys: readonly Uint8Array[],
): readonly TxnRequest[] {
  const moves = keys.map(
    (key): RequestOp => ({
      op: "txn",
      request: {
        compare: [{ key, target: "lease", result: "equal", operand: from }],
        success: [putOn(to, key)],
      },
    }),
  );
  const count = Math.ceil(moves.length / keysAtOnce);
  return Array.from({ length: count }, (_, index) => ({
    success: moves.slice(index * keysAtOnce, (index + 1) * keysAtOnce),
  }));
}

function putOn(lease: bigint, key: Uint8Array): RequestOp {
  return { op: "put", request: { key, lease, value: new Uint8Array(), ignoreValue: true } };
}
