import type {
  Compare,
  KeyRange,
  KeyValue,
  RangeRequest,
  RequestOp,
  ResponseOp,
  TxnResult,
} from "../etcd/api.ts";
import { byAge, type Entry, entryOf } from "./entry.ts";
import { bytesOf, type WholeRange } from "./keys.ts";
import type { Rule, Span } from "./rule.ts";
import type { Step } from "./transactor.ts";

/** An entry of ours, or one that is to be: its key, what its queue's keys begin with, and all of those. */
export interface Spot {
  readonly key: Uint8Array;
  /** The key of its companion, if it has one. */
  readonly companion?: Uint8Array | undefined;
  readonly prefix: string;
  readonly range: WholeRange;
}

/** All entries of one place, which were made at once, on one lease. */
export interface OwnEntries {
  readonly spots: readonly Spot[];
  /** The revision at which they were created: our place in each queue, and our token. */
  readonly createRevision: bigint;
  readonly lease: bigint;
  /** The lease of their companions, if they have some. */
  readonly companionLease?: bigint | undefined;
}

/**
 * What is to become of companions when the entries go that they stand beside: they stay, and move to
 * that lease, if there is one.
 */
export interface Rest {
  readonly lease: bigint | undefined;
}

/** What is to be seen from a spot of who else stands in its queue. */
export interface Outlook {
  /** The entries that matter to the rule, newest first. */
  readonly ahead: readonly Entry[];
  /** Who came first, of all. */
  readonly first: Entry | undefined;
  /** How many stand there, without those that only keep others out. */
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
export function isOn({ key }: Pick<Spot, "key">, lease: bigint): Compare {
  return { key, target: "lease", result: "equal", operand: lease };
}

/**
 * Puts an entry at the end of each queue, all at one revision, and looks at who is ahead
 * of it. It joins once, however often it is asked.
 */
export function joinStep(own: OwnEntries, value: Uint8Array, rule: Rule): Step {
  const { spots } = own;
  const rivals = spots.flatMap((spot) => rule.rivals.map((span) => spanOf(spot, span)));
  const [first] = spots;
  return {
    compare: [...(first ? [isEmpty(first)] : []), ...rivals.map(isEmpty)],
    success: grouped(
      spots.map((spot) => [
        ...puts(own, spot, value),
        // Our own are the newest.
        ...looks(spot, rule, rule.lookback + (spot.companion ? 2 : 1)),
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
  own: OwnEntries,
  value: Uint8Array,
  rule: Rule,
  seenAt: bigint | undefined,
): Step {
  const { spots } = own;
  const within = (spot: Spot): readonly KeyRange[] =>
    rule.outlook.map((span) => spanOf(spot, span));
  const isFree = (range: KeyRange): Compare =>
    seenAt === undefined
      ? isEmpty(range)
      : { ...range, target: "modRevision", result: "less", operand: seenAt + 1n };
  return {
    compare: [...spots.slice(0, 1).map(isEmpty), ...spots.flatMap(within).map(isFree)],
    success: spots.some(({ companion }) => companion)
      ? grouped(spots.map((spot) => puts(own, spot, value)))
      : spots.flatMap((spot) => puts(own, spot, value)),
    otherwise: [
      ...spots.slice(0, 1).map(read),
      ...(spots.length > 1
        ? spots.flatMap(whoIsFirst)
        : spots.flatMap((spot) => [...whoStands(spot, rule), ...looks(spot, rule, rule.lookback)])),
    ],
  };
}

/** Reads the entry of a spot. */
export function read({ key }: Pick<Spot, "key">): RequestOp {
  return { op: "range", request: { key } };
}

/** The entries ahead of ours that matter to the rule. */
export function aheadOf(spot: Spot, rule: Rule, createRevision: bigint): RequestOp[] {
  return looks(spot, rule, rule.lookback, { maxCreateRevision: createRevision - 1n });
}

/** All entries ahead of ours, by their keys alone, and at most so many. */
export function keysAhead({ range }: Spot, createRevision: bigint, limit: bigint): RequestOp {
  const request = { ...range, maxCreateRevision: createRevision - 1n };
  return { op: "range", request: { ...request, sort: oldestFirst, limit, keysOnly: true } };
}

/**
 * Takes our entries away, as far as they are still ours, and looks who is first then where that
 * `isAwaited`: etcd goes through the whole queue for it. Their companions go with them, unless
 * they are to `rest`.
 */
export function releaseStep(
  own: OwnEntries,
  isAwaited: (index: number) => boolean,
  rest?: Rest | undefined,
): Step {
  const steps = own.spots.map((spot, index) => ({
    compare: ours({ ...own, spots: [spot] }),
    success: [
      ...(rest ? [remove(spot), ...move(own, spot, rest)] : removeAll(spot)),
      ...(isAwaited(index) ? [firstIn(spot.range)] : []),
    ],
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
export function leaveStep({ spots, createRevision }: OwnEntries, rule: Rule): Step {
  return {
    compare: [],
    success: grouped(
      spots.map((spot) => [
        ...removeAll(spot),
        ...(spots.length > 1 ? whoIsFirst(spot) : whoStands(spot, rule)),
      ]),
    ),
    otherwise: [],
    // Else a join that nobody answered could still be carried out after it.
    isHarmless: createRevision > 0n,
  };
}

/** What `whoStands` or `whoIsFirst`, and the looks behind it, found in a queue. */
export function outlookOf({ prefix }: Spot, rule: Rule, found: readonly ResponseOp[]): Outlook {
  const [oldest, ...others] = found;
  const kept = others.slice(0, rule.kept.length).reduce((sum, each) => sum + countOf(each), 0);
  const seen = others.slice(rule.kept.length);
  const [first] = entriesOf(oldest).map((kv) => entryOf(prefix, kv));
  const ahead = seen.length > 0 ? newestOf(prefix, seen) : first ? [first] : [];
  return { first, count: countOf(oldest) - kept, ahead };
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
  return seen.length === 1 ? entries : entries.sort((a, b) => byAge(b, a));
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

/** Reads all entries, oldest first. */
export function allIn(range: KeyRange): RequestOp {
  return { op: "range", request: { ...range, sort: oldestFirst } };
}

/** The entries that a range operation found. */
export function entriesOf(response: ResponseOp | undefined): readonly KeyValue[] {
  return response?.op === "range" ? response.response.kvs : [];
}

/** How many entries the range has. */
export function countOf(response: ResponseOp | undefined): number {
  return response?.op === "range" ? Number(response.response.count) : 0;
}

/** The keys of a part of a queue. */
function spanOf({ prefix, range }: Spot, { from, to }: Span): WholeRange {
  if (from === undefined && to === undefined) return range;
  const rangeEnd = to === undefined ? range.rangeEnd : bytesOf(prefix + to);
  return { key: bytesOf(prefix + (from ?? "")), rangeEnd };
}

/** Who came first, how many there are, and how many of those only keep others out. */
function whoStands(spot: Spot, { kept }: Rule): RequestOp[] {
  return [
    ...whoIsFirst(spot),
    ...kept.map((span) => ({
      op: "range" as const,
      request: { ...spanOf(spot, span), countOnly: true },
    })),
  ];
}

/** Who came first, and how many there are: of many queues, etcd takes no more than that. */
function whoIsFirst({ range }: Spot): RequestOp[] {
  return [firstIn(range)];
}

function looks(
  spot: Spot,
  { outlook }: Rule,
  limit: number,
  filter: Partial<RangeRequest> = {},
): RequestOp[] {
  const sort = { by: "createRevision", order: "descending" } as const;
  return outlook.map((span) => ({
    op: "range",
    request: { ...spanOf(spot, span), ...filter, sort, limit: BigInt(limit) },
  }));
}

function remove({ key }: Pick<Spot, "key">): RequestOp {
  return { op: "deleteRange", request: { key } };
}

/** Takes an entry away, and its companion. */
function removeAll({ key, companion }: Spot): RequestOp[] {
  return [key, companion].flatMap((each) => (each ? [remove({ key: each })] : []));
}

/** Puts an entry, and its companion. */
function puts(
  { lease, companionLease }: OwnEntries,
  { key, companion }: Spot,
  value: Uint8Array,
): RequestOp[] {
  const put: RequestOp = { op: "put", request: { key, value, lease } };
  if (!companion) return [put];
  return [put, { op: "put", request: { key: companion, value, lease: companionLease } }];
}

/** Moves a companion to another lease. One that is gone must not come back behind others. */
function move(
  { createRevision }: OwnEntries,
  { companion: key }: Spot,
  { lease }: Rest,
): RequestOp[] {
  if (!key || !lease) return [];
  const request = { key, lease, value: new Uint8Array(), ignoreValue: true };
  return [
    {
      op: "txn",
      request: { compare: madeAt([{ key }], createRevision), success: [{ op: "put", request }] },
    },
  ];
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
