import type {
  Compare,
  KeyRange,
  KeyValue,
  RangeRequest,
  RequestOp,
  ResponseOp,
  TxnResult,
} from "../etcd/api.ts";
import { type Entry, entryOf } from "./entry.ts";
import { bytesOf, prefixEnd } from "./keys.ts";
import type { Rule, Span } from "./rule.ts";
import type { Step } from "./transactor.ts";

/** An entry of ours, or one that is to be: its key, and what its queue's keys begin with. */
export interface Spot {
  readonly key: Uint8Array;
  readonly prefix: string;
}

/** All entries of one place, which were made at once, on one lease. */
export interface OwnEntries {
  readonly spots: readonly Spot[];
  /** The revision at which they were created: our place in each queue, and our token. */
  readonly createRevision: bigint;
  readonly lease: bigint;
}

/** A range of keys with an end. */
interface WholeRange extends KeyRange {
  readonly rangeEnd: Uint8Array;
}

/** What is to be seen from a spot of who else stands in its queue. */
export interface Outlook {
  /** The entries that matter to the rule, newest first. */
  readonly ahead: readonly Entry[];
  /** Who came first, of all. */
  readonly first: Entry | undefined;
  /** How many stand there, without those whom `once` left behind. */
  readonly count: number;
}

/** What holds for as long as entries are the very ones that were made at that revision. */
export function madeAt(
  spots: readonly Pick<Spot, "key">[],
  createRevision: bigint,
): readonly (Compare & { readonly target: "createRevision" })[] {
  return spots.map(({ key }) => ({
    key,
    target: "createRevision",
    result: "equal",
    operand: createRevision,
  }));
}

/**
 * What holds for as long as entries are ours: the very ones that we made, on our lease. Of many,
 * etcd does not take two comparisons each: that somebody put one of those on another lease, the
 * watch tells.
 */
export function ours({ spots, createRevision, lease }: OwnEntries): readonly Compare[] {
  const [only] = spots;
  const made = madeAt(spots, createRevision);
  return spots.length === 1 && only ? [...made, isOn(only, lease)] : made;
}

/** Holds as long as an entry is bound to a lease. */
export function isOn({ key }: Spot, lease: bigint): Compare {
  return { key, target: "lease", result: "equal", operand: lease };
}

/**
 * Puts an entry at the end of each queue, all at one revision, and looks at who is ahead
 * of it. It joins once, however often it is asked.
 */
export function joinStep({ spots, lease }: OwnEntries, value: Uint8Array, rule: Rule): Step {
  const rivals = spots.flatMap(({ prefix }) => rule.rivals.map((span) => spanOf(prefix, span)));
  const [first] = spots;
  return {
    compare: [...(first ? [isEmpty(first)] : []), ...rivals.map(isEmpty)],
    success: grouped(
      spots.map(({ key, prefix }) => [
        { op: "put", request: { key, value, lease } },
        // Our own is the newest.
        ...looks(prefix, rule, rule.lookback + 1),
      ]),
    ),
    otherwise: [...spots.slice(0, 1).map(read), ...rivals.map(firstIn)],
  };
}

/**
 * Puts an entry into each queue only if nobody stands where somebody could stand in its way;
 * or, after `seenAt`, only if nobody has come there since. It joins once, however often it is
 * asked: others who are in nobody's way are not looked for, but we are.
 */
export function tryStep(
  { spots, lease }: OwnEntries,
  value: Uint8Array,
  rule: Rule,
  seenAt: bigint | undefined,
): Step {
  const within = ({ prefix }: Spot): readonly KeyRange[] =>
    rule.outlook.map((span) => spanOf(prefix, span));
  const isFree = (range: KeyRange): Compare =>
    seenAt === undefined
      ? isEmpty(range)
      : { ...range, target: "modRevision", result: "less", operand: seenAt + 1n };
  return {
    compare: [...spots.slice(0, 1).map(isEmpty), ...spots.flatMap(within).map(isFree)],
    success: spots.map(({ key }) => ({ op: "put", request: { key, value, lease } })),
    otherwise: [
      ...spots.slice(0, 1).map(read),
      ...grouped(
        spots.map(({ prefix }) => [...whoStands(prefix), ...looks(prefix, rule, rule.lookback)]),
      ),
    ],
  };
}

/** Reads the entry of a spot. */
export function read({ key }: Spot): RequestOp {
  return { op: "range", request: { key } };
}

/** The entries ahead of ours that matter to the rule. */
export function aheadOf({ prefix }: Spot, rule: Rule, createRevision: bigint): RequestOp[] {
  return looks(prefix, rule, rule.lookback, { maxCreateRevision: createRevision - 1n });
}

/** All entries ahead of ours, by their keys alone, and at most so many. */
export function keysAhead({ prefix }: Spot, createRevision: bigint, limit: bigint): RequestOp {
  const request = { ...everyoneIn(prefix), maxCreateRevision: createRevision - 1n };
  return { op: "range", request: { ...request, sort: oldestFirst, limit, keysOnly: true } };
}

/** Takes our entries away, as far as they are still ours, and looks who is first then. */
export function releaseStep(own: OwnEntries): Step {
  const steps = own.spots.map((spot) => ({
    compare: ours({ ...own, spots: [spot] }),
    success: [remove(spot), firstIn(everyoneIn(spot.prefix))],
    failure: [read(spot)],
  }));
  const [only] = steps;
  // One that is not ours any more must not keep the others from going.
  return steps.length === 1 && only
    ? { compare: only.compare, success: only.success, otherwise: only.failure, isHarmless: true }
    : {
        compare: [],
        success: steps.map((request) => ({ op: "txn", request })),
        otherwise: [],
        isHarmless: true,
      };
}

/** What became of each entry in a `releaseStep`. */
export function releasesOf(count: number, result: TxnResult): readonly TxnResult[] {
  if (count === 1) return [result];
  return result.responses.flatMap((each) => (each.op === "txn" ? [each.response] : []));
}

/**
 * Takes entries of ours away, whether or not they ever came to be, and looks who is there
 * then. Their keys are never used twice, so nobody else can be hit.
 */
export function leaveStep({ spots, createRevision }: OwnEntries): Step {
  return {
    compare: [],
    success: grouped(spots.map((spot) => [remove(spot), ...whoStands(spot.prefix)])),
    otherwise: [],
    // Else a join that nobody answered could still be carried out after it.
    isHarmless: createRevision > 0n,
  };
}

/** What `whoStands`, and the looks behind it, found in each queue. */
export function outlooksOf(
  spots: readonly Spot[],
  responses: readonly ResponseOp[],
): readonly Outlook[] {
  return spots.map(({ prefix }, index) => {
    const [first, kept, ...seen] = groupOf(spots.length, responses, index);
    return {
      first: entriesOf(first).map((kv) => entryOf(prefix, kv))[0],
      count: countOf(first) - countOf(kept),
      ahead: seen.length > 0 ? newestOf(prefix, seen) : [],
    };
  });
}

/** The responses to a group of `grouped`. */
export function groupOf(
  count: number,
  responses: readonly ResponseOp[],
  index: number,
): readonly ResponseOp[] {
  if (count === 1) return responses;
  const group = responses[index];
  return group?.op === "txn" ? group.response.responses : [];
}

/** The entries that several looks found, newest first. */
export function newestOf(prefix: string, seen: readonly ResponseOp[]): readonly Entry[] {
  const entries = seen.flatMap(entriesOf).map((kv) => entryOf(prefix, kv));
  // Each look is in order already.
  return seen.length === 1 ? entries : entries.sort((a, b) => compareRevisions(b, a));
}

function compareRevisions(a: Entry, b: Entry): number {
  return Number(a.createRevision - b.createRevision);
}

/** Holds as long as nobody stands in the range. */
export function isEmpty({ key, rangeEnd }: KeyRange): Compare {
  return { key, rangeEnd, target: "createRevision", result: "equal", operand: 0n };
}

const oldestFirst = { by: "createRevision", order: "ascending" } as const;

/** Reads the entry that came first, and how many there are. */
export function firstIn(range: KeyRange): RequestOp {
  return { op: "range", request: { ...range, sort: oldestFirst, limit: 1n } };
}

/** The entries that a range operation found. */
export function entriesOf(response: ResponseOp | undefined): readonly KeyValue[] {
  return response?.op === "range" ? response.response.kvs : [];
}

/** How many entries the range has. */
export function countOf(response: ResponseOp | undefined): number {
  return response?.op === "range" ? Number(response.response.count) : 0;
}

/** All keys of a queue. */
export function everyoneIn(prefix: string): WholeRange {
  return spanOf(prefix, {});
}

/** The keys of a part of a queue. */
function spanOf(prefix: string, { from = "", to }: Span): WholeRange {
  const rangeEnd = to === undefined ? prefixEnd(bytesOf(prefix)) : bytesOf(prefix + to);
  return { key: bytesOf(prefix + from), rangeEnd };
}

/** Who came first, how many there are, and how many of those are left of a `once` only. */
function whoStands(prefix: string): RequestOp[] {
  const kept = spanOf(prefix, { from: "kept/", to: "kept0" });
  return [firstIn(everyoneIn(prefix)), { op: "range", request: { ...kept, countOnly: true } }];
}

function looks(
  prefix: string,
  { outlook }: Rule,
  limit: number,
  filter: Partial<RangeRequest> = {},
): RequestOp[] {
  const sort = { by: "createRevision", order: "descending" } as const;
  return outlook.map((span) => ({
    op: "range",
    request: { ...spanOf(prefix, span), ...filter, sort, limit: BigInt(limit) },
  }));
}

function remove({ key }: Spot): RequestOp {
  return { op: "deleteRange", request: { key } };
}

/**
 * The operations for several queues as one transaction each, within the one that they are
 * for: etcd counts operations by level, so that it takes about as many queues as operations.
 */
export function grouped(groups: readonly RequestOp[][]): RequestOp[] {
  const [only = []] = groups;
  if (groups.length === 1) return only;
  return groups.map((success) => ({ op: "txn", request: { success } }));
}
