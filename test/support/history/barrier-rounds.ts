import type { HistoryEvent } from "../../../src/testkit/history/event.ts";
import { processOf } from "../../../src/testkit/history/event.ts";
import { grouped } from "../../../src/testkit/history/grouped.ts";

/** An entry of somebody at a barrier, as etcd had it. All moments are revisions. */
export interface PartyEntry {
  readonly name: string;
  /** The process. */
  readonly who: string;
  /** How many have to come. */
  readonly parties: number;
  readonly cameAt: bigint;
  /** When it said that it is inside. */
  readonly insideAt: bigint | undefined;
  /** When it said that it wants out. */
  readonly leavingAt: bigint | undefined;
  readonly removedAt: bigint | undefined;
}

/**
 * By etcd's own order, parties go through a barrier in rounds: so many as were agreed on, who were
 * all there at once, are inside together, and none of the next round before all of them are gone.
 * Nobody goes who was inside before each of them was, and each wants out. Of those who died or
 * gave up, others can't say whether they were ever counted.
 */
export function barrierRounds(
  entries: readonly PartyEntry[],
  history: readonly HistoryEvent[],
): string | undefined {
  const gone = new Set(
    history
      .filter(({ kind }) => kind === "died" || kind === "is lost")
      .map(({ who }) => processOf(who)),
  );
  for (const all of grouped(entries, ({ name }) => name).values()) {
    const wrong = all
      .map((entry) => wrongWith(entry, all, gone))
      .find((each) => each !== undefined);
    if (wrong) return wrong;
    for (const round of roundsOf(all)) {
      const { parties = 0 } = round[0] ?? {};
      if (round.length > parties) return told("More were inside than one round has", round);
    }
  }
  return undefined;
}

function wrongWith(
  entry: PartyEntry,
  all: readonly PartyEntry[],
  gone: ReadonlySet<string>,
): string | undefined {
  const { parties, cameAt, insideAt, leavingAt, removedAt } = entry;
  if (insideAt === undefined) return undefined;
  const thereAt = (at: bigint) => all.filter((other) => other.cameAt <= at && !isGone(other, at));
  const moments = all.map((other) => other.cameAt).filter((at) => at >= cameAt && at <= insideAt);
  if (moments.every((at) => thereAt(at).length < parties)) {
    return told("Somebody went in before all were there", [entry, ...thereAt(insideAt)]);
  }
  if (leavingAt === undefined || removedAt === undefined || gone.has(entry.who)) return undefined;
  const others = all.filter(
    (other) =>
      other.insideAt !== undefined && other.insideAt < removedAt && !isGone(other, insideAt),
  );
  const staying = others.filter(
    (other) => (other.leavingAt ?? removedAt) >= removedAt && !isGone(other, removedAt),
  );
  if (staying.length > 0 && !staying.includes(entry)) {
    return told("Somebody went out before all wanted to", [entry, ...staying]);
  }
  const missing = all.filter(
    (other) =>
      !others.includes(other) &&
      other.cameAt < removedAt &&
      !isGone(other, cameAt) &&
      (gone.has(other.who) || (other.leavingAt === undefined && isGone(other, removedAt))),
  );
  return others.length + missing.length < parties
    ? told("Somebody went out before all had been in", [entry, ...thereAt(removedAt)])
    : undefined;
}

function isGone({ removedAt }: PartyEntry, at: bigint): boolean {
  return removedAt !== undefined && removedAt <= at;
}

/** Those who were inside at the same time as others, who were so at the same time as others. */
function roundsOf(all: readonly PartyEntry[]): readonly (readonly PartyEntry[])[] {
  const rounds: PartyEntry[][] = [];
  const inside = all
    .filter(({ insideAt }) => insideAt !== undefined)
    .toSorted((a, b) => Number((a.insideAt ?? 0n) - (b.insideAt ?? 0n)));
  for (const entry of inside) {
    const last = rounds.at(-1);
    if (last?.some((other) => !isGone(other, entry.insideAt ?? 0n))) last.push(entry);
    else rounds.push([entry]);
  }
  return rounds;
}

function told(wrong: string, entries: readonly PartyEntry[]): string {
  const lines = [...new Set(entries)].map(
    ({ who, name, cameAt, insideAt, leavingAt, removedAt }) =>
      `  ${who} at ${name}: came at revision ${cameAt}, inside at ${insideAt}, wanted out at ${leavingAt}, gone at ${removedAt}`,
  );
  return [`${wrong}:`, ...lines].join("\n");
}
