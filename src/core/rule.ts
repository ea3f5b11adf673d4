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
// "0" comes right after "/".
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
  lookback: 1,
  blockers: (ahead) => ahead.filter(({ isReader }) => !isReader).slice(0, 1),
};

/**
 * While those ahead leave room for `taken` of `total` permits. All ahead count, also those
 * who wait, so that many small ones can't starve a large one. Whoever is no part of the semaphore
 * takes all of it.
 */
export function permitsRule(total: number, taken: number): Rule {
  return {
    mode: { kind: "permits", total, taken },
    outlook: everybody,
    rivals: rivalsOf("permits", total),
    // Each takes one permit or more.
    lookback: total - taken + 1,
    blockers(ahead) {
      let room = total - taken;
      const tooMany = ahead.findIndex(({ mode }) => {
        room -= mode.kind === "permits" && mode.total === total ? mode.taken : total;
        return room < 0;
      });
      return ahead.slice(0, tooMany + 1);
    },
  };
}

/** Of a party of a barrier, which only wants to be seen: nobody there is in its way. */
export function barrierRule(parties: number): Rule {
  return {
    mode: { kind: "barrier", total: parties },
    outlook: [],
    rivals: rivalsOf("barrier", parties),
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
