import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResult,
} from "../api.ts";
import { holds } from "./compare.ts";
import type { Keyspace } from "./keyspace.ts";
import { answerRange } from "./range.ts";
import { refusal } from "./refusals.ts";

/** Says whether a lease can be bound to. */
export type LeaseCheck = (id: bigint) => boolean;

/**
 * Carries out a well-formed transaction, whole or not at all.
 *
 * As in etcd, all conditions, those of nested transactions too, are decided before anything
 * is written, while ranges see what was written before them.
 *
 * @throws {StoreError}
 */
export function carryOut(keyspace: Keyspace, hasLease: LeaseCheck, request: TxnRequest): TxnResult {
  const decision = decide(keyspace, request);
  checkPuts(keyspace, hasLease, decision);
  checkRanges(keyspace, decision);
  return keyspace.write(() => apply(keyspace, decision));
}

/** The branch that a transaction takes, and the branches of those nested in it. */
interface Decision {
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

type Step = Exclude<RequestOp, { op: "txn" }> | { readonly op: "txn"; readonly decision: Decision };

function decide(keyspace: Keyspace, request: TxnRequest): Decision {
  const { compare = [], success = [], failure = [] } = request;
  const succeeded = compare.every((condition) => holds(condition, keyspace.read(condition)));
  const steps = (succeeded ? success : failure).map(
    (op): Step => (op.op === "txn" ? { op: "txn", decision: decide(keyspace, op.request) } : op),
  );
  return { succeeded, steps };
}

function checkPuts(keyspace: Keyspace, hasLease: LeaseCheck, { steps }: Decision): void {
  for (const step of steps) {
    if (step.op === "txn") checkPuts(keyspace, hasLease, step.decision);
    if (step.op !== "put") continue;
    const { key, lease = 0n, ignoreValue, ignoreLease } = step.request;
    if ((ignoreValue || ignoreLease) && !keyspace.get(key)) throw refusal("keyNotFound");
    if (lease !== 0n && !hasLease(lease)) throw refusal("leaseNotFound");
  }
}

function checkRanges(keyspace: Keyspace, { steps }: Decision): void {
  for (const step of steps) {
    if (step.op === "txn") checkRanges(keyspace, step.decision);
    if (step.op !== "range" || !step.request.revision) continue;
    if (step.request.revision > keyspace.revision) throw refusal("futureRevision");
    if (step.request.revision < keyspace.compactRevision) throw refusal("compacted");
  }
}

function apply(keyspace: Keyspace, { succeeded, steps }: Decision): TxnResult {
  return { succeeded, responses: steps.map((step) => applyStep(keyspace, step)) };
}

function applyStep(keyspace: Keyspace, step: Step): ResponseOp {
  switch (step.op) {
    case "range":
      return { op: "range", response: range(keyspace, step.request) };
    case "put":
      return { op: "put", response: put(keyspace, step.request) };
    case "deleteRange":
      return { op: "deleteRange", response: deleteRange(keyspace, step.request) };
    case "txn":
      return { op: "txn", response: apply(keyspace, step.decision) };
  }
}

function range(keyspace: Keyspace, request: RangeRequest): ReturnType<typeof answerRange> {
  return answerRange(keyspace.read(request, request.revision), request);
}

function put(keyspace: Keyspace, request: PutRequest): PutResponse {
  const { key, value, lease = 0n, prevKv, ignoreValue, ignoreLease } = request;
  const present = ignoreValue || ignoreLease ? keyspace.get(key) : undefined;
  // It was there when the transaction began, but the transaction itself may have deleted it.
  if ((ignoreValue || ignoreLease) && !present) throw refusal("keyNotFound");
  const prev = keyspace.put(key, {
    value: ignoreValue && present ? present.value : value,
    lease: ignoreLease && present ? present.lease : lease,
  });
  return prevKv && prev ? { prevKv: prev } : {};
}

function deleteRange(keyspace: Keyspace, request: DeleteRangeRequest): DeleteRangeResponse {
  const gone = keyspace.delete(request);
  return { deleted: BigInt(gone.length), prevKvs: request.prevKv ? gone : [] };
}
