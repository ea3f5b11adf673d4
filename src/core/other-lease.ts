import type { RequestOp } from "../etcd/api.ts";

/** Whether any of these operations, not counting those within them, puts something on a lease but `own`. */
export function putsOnOtherLease(ops: readonly RequestOp[], own: bigint): boolean {
  return ops.some(({ op, request }) => {
    const lease = op === "put" ? (request.lease ?? 0n) : 0n;
    return lease !== 0n && lease !== own;
  });
}

/** The same for all operations, also those within them. */
export function mentionsOtherLease(ops: readonly RequestOp[], own: bigint): boolean {
  return (
    putsOnOtherLease(ops, own) ||
    ops.some((each) => {
      if (each.op !== "txn") return false;
      const { success = [], failure = [] } = each.request;
      return mentionsOtherLease([...success, ...failure], own);
    })
  );
}
