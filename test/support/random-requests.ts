import fc from "fast-check";
import type {
  Compare,
  KeyRange,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../../src/etcd/api.ts";

/**
 * One thing to ask of a store. What is only known when it is asked stands for something else:
 * a revision for its distance from the present one, a lease for its number in the sequence.
 */
export type Step =
  | { readonly do: "txn"; readonly request: TxnRequest }
  | { readonly do: "compact"; readonly revision: bigint }
  | { readonly do: "grant"; readonly lease: bigint; readonly ttl: bigint }
  | { readonly do: "revoke" | "keepAlive" | "timeToLive"; readonly lease: bigint }
  | { readonly do: "watch"; readonly range: KeyRange; readonly prevKv: boolean }
  | {
      readonly do: "watchFrom";
      readonly range: KeyRange;
      readonly prevKv: boolean;
      readonly revision: bigint;
    };

/** How many leases a sequence knows of: one of them is never granted, and 0 is none. */
export const leaseCount = 3n;

const names = ["a", "b", "c", "d", "a\0", "aa", "\xff"];
const nameArb = fc.constantFrom(...names).map(bytes);
const valueArb = fc.constantFrom("", "x", "y", "\xff").map(bytes);
const leaseArb = fc.bigInt({ min: 0n, max: leaseCount });
const flagArb = fc.option(fc.boolean(), { nil: undefined });
/** How far from the present revision. */
const distanceArb = fc.bigInt({ min: -8n, max: 2n });
const filterArb = fc.option(distanceArb, { nil: undefined, freq: 9 });

const rangeArb: fc.Arbitrary<KeyRange> = fc.record(
  {
    key: fc.oneof(nameArb, fc.constant(bytes("a"))),
    rangeEnd: fc.constantFrom("z", "z", "\0", "\0", "c", "d", "b\0", "a", "").map(bytes),
  },
  { requiredKeys: ["key"] },
);

const rangeRequestArb: fc.Arbitrary<RangeRequest> = fc
  .tuple(
    rangeArb,
    fc.record({
      limit: fc.constantFrom(undefined, 0n, 1n, 2n, 3n, -1n),
      revision: fc.option(distanceArb, { nil: undefined, freq: 2 }),
      sort: fc.option(
        fc.record({
          by: fc.constantFrom("key", "version", "createRevision", "modRevision", "value"),
          order: fc.constantFrom("ascending", "descending"),
        }),
        { nil: undefined },
      ),
      keysOnly: flagArb,
      countOnly: fc.constantFrom(undefined, undefined, undefined, true),
      minModRevision: filterArb,
      maxModRevision: filterArb,
      minCreateRevision: filterArb,
      maxCreateRevision: filterArb,
    }),
  )
  .map(([range, options]) => ({ ...range, ...options }));

/** A put that is carried out, unless its lease is not there. */
const plainPutArb: fc.Arbitrary<PutRequest> = fc.record({
  key: nameArb,
  value: valueArb,
  lease: fc.constantFrom(undefined, undefined, undefined, 1n, 2n),
  prevKv: flagArb,
});

const oddPutArb: fc.Arbitrary<PutRequest> = fc.record({
  key: nameArb,
  value: fc.oneof(fc.constant(bytes("")), valueArb),
  lease: fc.oneof(fc.constant(undefined), leaseArb),
  prevKv: flagArb,
  ignoreValue: flagArb,
  ignoreLease: flagArb,
});

const putArb = fc.oneof({ weight: 4, arbitrary: plainPutArb }, { weight: 1, arbitrary: oddPutArb });

const deleteArb = fc
  .tuple(rangeArb, flagArb)
  .map(([range, prevKv]): RequestOp => ({ op: "deleteRange", request: { ...range, prevKv } }));

const resultArb = fc.constantFrom("equal", "notEqual", "greater", "less");

const compareArb: fc.Arbitrary<Compare> = fc
  .tuple(
    fc.oneof({ weight: 2, arbitrary: nameArb.map((key): KeyRange => ({ key })) }, rangeArb),
    fc.oneof(
      fc.record({
        target: fc.constant("version"),
        result: resultArb,
        operand: fc.bigInt({ min: 0n, max: 3n }),
      }),
      fc.record({
        target: fc.constantFrom("createRevision", "modRevision"),
        result: resultArb,
        operand: distanceArb,
      }),
      fc.record({ target: fc.constant("lease"), result: resultArb, operand: leaseArb }),
      fc.record({ target: fc.constant("value"), result: resultArb, operand: valueArb }),
    ),
  )
  .map(([range, condition]) => ({ ...range, ...condition }));

const { txn: txnArb } = fc.letrec<{ op: RequestOp; txn: TxnRequest }>((tie) => ({
  op: fc.oneof(
    { maxDepth: 2, depthIdentifier: "txn" },
    { weight: 3, arbitrary: putArb.map((request): RequestOp => ({ op: "put", request })) },
    { weight: 3, arbitrary: rangeRequestArb.map((request) => ({ op: "range", request }) as const) },
    { weight: 2, arbitrary: deleteArb },
    { weight: 4, arbitrary: tie("txn").map((request): RequestOp => ({ op: "txn", request })) },
  ),
  txn: fc.record(
    {
      compare: fc.array(compareArb, { maxLength: 2 }),
      success: fc.array(tie("op"), { maxLength: 4, depthIdentifier: "txn" }),
      failure: fc.array(tie("op"), { maxLength: 3, depthIdentifier: "txn" }),
    },
    { requiredKeys: [] },
  ),
}));

const putStepArb = plainPutArb.map(
  (request): Step => ({ do: "txn", request: { success: [{ op: "put", request }] } }),
);

const txnStepArb = txnArb.map((request): Step => ({ do: "txn", request: withoutCrash(request) }));

const leaseStepArb: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("grant"),
    lease: fc.bigInt({ min: 1n, max: leaseCount - 1n }),
    ttl: fc.constantFrom(60n, 60n, 60n, 100n, 9_000_000_001n),
  }),
  fc.record({ do: fc.constantFrom("revoke", "keepAlive", "timeToLive"), lease: leaseArb }),
);

const compactArb = fc.record({
  do: fc.constant("compact"),
  revision: fc.bigInt({ min: -10n, max: 1n }),
});

const watchArb = fc.record({ do: fc.constant("watch"), range: rangeArb, prevKv: fc.boolean() });

const watchFromArb = fc.record({
  do: fc.constant("watchFrom"),
  range: rangeArb,
  prevKv: fc.boolean(),
  revision: fc.bigInt({ min: -10n, max: 4n }),
});

// There is something to read, compare and delete from the beginning.
const beginningArb = fc.array(putStepArb, { minLength: 1, maxLength: 8, size: "max" });
const grants = [1n, 2n].map((lease): Step => ({ do: "grant", lease, ttl: 60n }));

function sequence(...steps: fc.WeightedArbitrary<Step>[]): fc.Arbitrary<Step[]> {
  const restArb = fc.array(fc.oneof(...steps), { minLength: 1, maxLength: 20, size: "max" });
  return fc
    .tuple(beginningArb, restArb)
    .map(([beginning, rest]) => [...grants, ...beginning, ...rest]);
}

/** Sequences of all that is answered at once. */
export const sequenceArb: fc.Arbitrary<Step[]> = sequence(
  { weight: 4, arbitrary: putStepArb },
  { weight: 12, arbitrary: txnStepArb },
  { weight: 3, arbitrary: leaseStepArb },
  { weight: 1, arbitrary: compactArb },
  { weight: 1, arbitrary: watchArb },
);

/** Sequences with watches that begin in the past, which etcd serves in its own time. */
export const watchSequenceArb: fc.Arbitrary<Step[]> = sequence(
  { weight: 3, arbitrary: putStepArb },
  { weight: 3, arbitrary: txnStepArb },
  { weight: 1, arbitrary: leaseStepArb },
  { weight: 1, arbitrary: compactArb },
  { weight: 4, arbitrary: watchFromArb },
);

/** What to put in the place of distances and numbers. */
export interface Present {
  readonly revision: bigint;
  readonly leaseId: (lease: bigint) => bigint;
}

/** The request as it is to be sent. */
export function resolveTxn(request: TxnRequest, present: Present): TxnRequest {
  const { compare = [], success = [], failure = [] } = request;
  return {
    compare: compare.map((condition) => resolveCompare(condition, present)),
    success: success.map((op) => resolveOp(op, present)),
    failure: failure.map((op) => resolveOp(op, present)),
  };
}

function resolveCompare(compare: Compare, { revision, leaseId }: Present): Compare {
  switch (compare.target) {
    case "createRevision":
    case "modRevision":
      return { ...compare, operand: revision + compare.operand };
    case "lease":
      return { ...compare, operand: leaseId(compare.operand) };
    default:
      return compare;
  }
}

function resolveOp(op: RequestOp, present: Present): RequestOp {
  if (op.op === "txn") return { op: "txn", request: resolveTxn(op.request, present) };
  if (op.op === "put") {
    const { lease } = op.request;
    return {
      op: "put",
      request: { ...op.request, lease: lease && present.leaseId(lease) },
    };
  }
  if (op.op === "deleteRange") return op;
  const { request } = op;
  const resolve = (distance: bigint | undefined): bigint | undefined =>
    distance === undefined ? undefined : present.revision + distance;
  return {
    op: "range",
    request: {
      ...request,
      revision: resolve(request.revision),
      minModRevision: resolve(request.minModRevision),
      maxModRevision: resolve(request.maxModRevision),
      minCreateRevision: resolve(request.minCreateRevision),
      maxCreateRevision: resolve(request.maxCreateRevision),
    },
  };
}

/**
 * Spares etcd what it does not survive: to keep the value or the lease of a key that the same
 * transaction has just deleted, past the check for duplicate keys.
 */
function withoutCrash(request: TxnRequest): TxnRequest {
  if (!opsIn(request).some(({ op }) => op === "deleteRange")) return request;
  const careful = (op: RequestOp): RequestOp => {
    if (op.op === "txn") return { op: "txn", request: inTxn(op.request) };
    if (op.op !== "put") return op;
    return {
      op: "put",
      request: { ...op.request, ignoreValue: undefined, ignoreLease: undefined },
    };
  };
  const inTxn = (txn: TxnRequest): TxnRequest => ({
    ...txn,
    success: txn.success?.map(careful),
    failure: txn.failure?.map(careful),
  });
  return inTxn(request);
}

/** All operations of a transaction, those of nested ones too. */
export function opsIn({ success = [], failure = [] }: TxnRequest): RequestOp[] {
  const ops = [...success, ...failure];
  return [...ops, ...ops.flatMap((op) => (op.op === "txn" ? opsIn(op.request) : []))];
}

function bytes(characters: string): Uint8Array {
  return new Uint8Array(Buffer.from(characters, "latin1"));
}
