import type { Entry } from "./entry.ts";
import type { Mode } from "./mode.ts";

/**
 * What makes one primitive differ from another: who stands in whose way. All else, joining,
 * waiting and leaving, is the same for all (see `contend`).
 */
export interface Rule {
  readonly mode: Mode;
  /** Where in the queue somebody could stand in our way. */
  readonly outlook: readonly Span[];
  /** Where in the queue nobody may stand: those who disagree with us on a number. */
  readonly rivals: readonly Span[];
  /** Where in the queue there may be some that only keep others out: they are not counted. */
  readonly kept: readonly Span[];
  /** How many entries it has to see in each part of `outlook`, counted from the last one ahead. */
  readonly lookback: number;
  /**
   * Picks, from those entries (newest first), some that stand in our way: as long as all of
   * them stand, it cannot be our turn, and once one goes, we look again. None means that it
   * is our turn.
   */
  blockers(ahead: readonly Entry[]): readonly Entry[];
}

/** A part of a queue, by what its keys have behind the queue's prefix: from `from` up to but without `to`. */
export interface Span {
  readonly from?: string;
  readonly to?: string;
}

const everybody: readonly Span[] = [{}];
// What `once` leaves is below "kept/", the companions of all but readers and writers begin with
// "kept-". "-", ".", "/" and "0" come one after the other.
const kept: readonly Span[] = [{ from: "kept-", to: "kept0" }];
const keptBesideReaders: readonly Span[] = [
  ...kept,
  { from: "read/kept-", to: "read/kept." },
  { from: "write/kept-", to: "write/kept." },
];
const allButReaders: readonly Span[] = [{ to: "read/" }, { from: "read0" }];

/**
 * One at a time. Only the last one ahead is waited for, so that a release wakes one waiter;
 * when that one gives up, we look who is ahead then.
 */
function alone(kind: "exclusive" | "write" | "election"): Rule {
  return {
    mode: { kind },
    outlook: everybody,
    rivals: [],
    kept: kind === "write" ? keptBesideReaders : kept,
    lookback: 1,
    blockers: (ahead) => ahead.slice(0, 1),
  };
}

/** Of a plain lock. */
export const exclusiveRule: Rule = alone("exclusive");
/** Of a lock for writing. */
export const writeRule: Rule = alone("write");
/** Of a candidate. */
export const electionRule: Rule = alone("election");

/**
 * Together with other readers, but not with anybody else, and never past somebody else who
 * came before. A writer that has become a reader is the first in its queue, so whoever is
 * behind it sees it last.
 */
export const readRule: Rule = {
  mode: { kind: "read" },
  outlook: allButReaders,
  rivals: [],
  kept: keptBesideReaders,
  lookback: 1,
  blockers: (ahead) => ahead.filter(({ isReader }) => !isReader).slice(0, 1),
};

/**
 * While those ahead leave room for `taken` of `total` permits. All ahead count, also those
 * who wait, so that many small ones can't starve a large one. Whoever is no part of the semaphore
 * takes all of it. An entry and its companion take what they take once.
 */
export function permitsRule(total: number, taken: number): Rule {
  return {
    mode: { kind: "permits", total, taken },
    outlook: everybody,
    rivals: rivalsOf("permits", total),
    kept,
    // Each takes one permit or more, and may have a companion.
    lookback: 2 * (total - taken) + 1,
    blockers(ahead) {
      let room = total - taken;
      const tooMany = ahead.findIndex((entry, index) => {
        const { mode } = entry;
        if (!areCompanions(entry, ahead[index - 1]))
          room -= mode.kind === "permits" && mode.total === total ? mode.taken : total;
        return room < 0;
      });
      return ahead.slice(0, tooMany + 1);
    },
  };
}

/** Whether one of two that come one after the other in a queue is there to outlast the other. */
function areCompanions(one: Entry, other: Entry | undefined): boolean {
  return one.createRevision === other?.createRevision && one.isCompanion !== other.isCompanion;
}

/** Of a party of a barrier, which only wants to be seen: nobody there is in its way. */
export function barrierRule(parties: number): Rule {
  return {
    mode: { kind: "barrier", total: parties },
    outlook: [],
    rivals: rivalsOf("barrier", parties),
    kept: [],
    lookback: 0,
    blockers: () => [],
  };
}

/** Where those stand who think of another number. */
function rivalsOf(kind: "permits" | "barrier", total: number): readonly Span[] {
  return [
    { from: `${kind}/`, to: `${kind}/${total}/` },
    { from: `${kind}/${total}0`, to: `${kind}0` },
  ];
}

/** The rule by which an entry waits for its turn; nothing if it waits for nobody to leave. */
export function ruleOf(mode: Mode): Rule | undefined {
  switch (mode.kind) {
    case "permits":
      return permitsRule(mode.total, mode.taken);
    case "read":
      return readRule;
    case "write":
      return writeRule;
    case "election":
      return electionRule;
    case "exclusive":
      return exclusiveRule;
    default:
      return undefined;
  }
}

/**
 * How many of the entries in a queue, oldest first, hold. Nobody is overtaken, so they are
 * the first ones.
 */
export function holdersAmong(entries: readonly Entry[]): number {
  const ahead: Entry[] = [];
  for (const entry of entries) {
    // Those that came with it are of the same client: nobody is in its own way.
    const before = ahead.findIndex(({ createRevision }) => createRevision < entry.createRevision);
    const rule = entry.isReader ? readRule : ruleOf(entry.mode);
    if (before >= 0 && rule && rule.blockers(ahead.slice(before)).length > 0) break;
    ahead.unshift(entry);
  }
  return ahead.length;
}
