import type {
  Compare,
  KeyRange,
  KeyValue,
  RangeRequest,
  RequestOp,
  ResponseOp,
} from "../etcd/api.ts";
import type { Step } from "./transactor.ts";

/** An entry of ours, as its requests name it. */
export interface OwnEntry {
  readonly key: Uint8Array;
  /** The revision at which it was created: our place, and our token. */
  readonly createRevision: bigint;
  readonly lease: bigint;
}

/** What holds for as long as an entry is ours: it is the very one that we made, on our lease. */
export function ours({ key, createRevision, lease }: OwnEntry): readonly Compare[] {
  return [
    { key, target: "createRevision", result: "equal", operand: createRevision },
    { key, target: "lease", result: "equal", operand: lease },
  ];
}

/**
 * Puts an entry at the end of the queue, and looks at the `lookback` last entries ahead of
 * it (0 for all). It joins once, however often it is asked.
 */
export function joinStep(
  { key, lease }: Omit<OwnEntry, "createRevision">,
  value: Uint8Array,
  queue: KeyRange,
  lookback: number,
): Step {
  return {
    compare: [{ key, target: "createRevision", result: "equal", operand: 0n }],
    success: [
      { op: "put", request: { key, value, lease } },
      newest(queue, lookback === 0 ? 0 : lookback + 1),
    ],
    otherwise: [{ op: "range", request: { key } }],
  };
}

/** Puts an entry only if nobody stands in the queue. */
export function tryStep(
  { key, lease }: Omit<OwnEntry, "createRevision">,
  value: Uint8Array,
  queue: KeyRange,
): Step {
  return {
    compare: [isEmpty(queue)],
    success: [{ op: "put", request: { key, value, lease } }],
    otherwise: [firstIn(queue)],
  };
}

/** The entries ahead of ours, newest first. */
export function ahead(queue: KeyRange, createRevision: bigint, lookback: number): RequestOp {
  return newest(queue, lookback, { maxCreateRevision: createRevision - 1n });
}

/** Takes our entry away, if it is still ours, and looks who is first then. */
export function releaseStep(entry: OwnEntry, queue: KeyRange): Step {
  return {
    compare: ours(entry),
    success: [{ op: "deleteRange", request: { key: entry.key } }, firstIn(queue)],
    otherwise: [{ op: "range", request: { key: entry.key } }],
    isHarmless: true,
  };
}

/**
 * Takes an entry of ours away, whether or not it ever came to be, and looks who is first
 * then, and how many there are. Its key is never used twice, so nobody else can be hit.
 */
export function leaveStep({ key, createRevision }: Omit<OwnEntry, "lease">, queue: KeyRange): Step {
  return {
    compare: [],
    success: [{ op: "deleteRange", request: { key } }, firstIn(queue)],
    otherwise: [],
    // Else a join that nobody answered could still be carried out after it.
    isHarmless: createRevision > 0n,
  };
}

/** Holds as long as nobody stands in the queue. */
export function isEmpty(queue: KeyRange): Compare {
  return { ...queue, target: "createRevision", result: "equal", operand: 0n };
}

/** Reads the entry that came first, and how many there are. */
export function firstIn(queue: KeyRange): RequestOp {
  const sort = { by: "createRevision", order: "ascending" } as const;
  return { op: "range", request: { ...queue, sort, limit: 1n } };
}

/** The entries that a range operation found. */
export function entriesOf(response: ResponseOp | undefined): readonly KeyValue[] {
  return response?.op === "range" ? response.response.kvs : [];
}

/** How many entries the range has. */
export function countOf(response: ResponseOp | undefined): number {
  return response?.op === "range" ? Number(response.response.count) : 0;
}

function newest(queue: KeyRange, limit: number, filter: Partial<RangeRequest> = {}): RequestOp {
  const sort = { by: "createRevision", order: "descending" } as const;
  return { op: "range", request: { ...queue, ...filter, sort, limit: BigInt(limit) } };
}
