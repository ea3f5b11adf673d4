import { isHolding, type Request } from "../../src/testkit/history/request.ts";
import { disturbances, isTouched, type Span } from "./disturbed.ts";
import type { EntryWait } from "./entry-waits.ts";
import { idOf, type RunRecord } from "./run-record.ts";

/** What was taken over from a holder that was killed. */
export interface TakeOver {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly diedAt: number;
  readonly tookMs: number;
  /** How long it may take. */
  readonly goalMs: number;
}

const expiryMs = 600;
/** What a new leader gives all leases on top: the election, and as much again. */
const electionMs = 3_000;

/**
 * How long it took until the next one in line had what a killed holder had. Those that were held up
 * by something else, such as a quorum that was lost meanwhile, do not count.
 */
export function takeOvers(
  requests: readonly Request[],
  waits: readonly EntryWait[],
  record: RunRecord,
): readonly TakeOver[] {
  const entryOf = new Map(waits.map(({ entry }) => [idOf(entry), entry]));
  const holdings = requests.filter(isHolding);
  return holdings.flatMap((dead): readonly TakeOver[] => {
    const { name, who, diedAt } = dead;
    const entry = entryOf.get(idOf(dead));
    if (diedAt === undefined || !entry || !isPlain(dead)) return [];
    // What it had already lost is nothing to take over.
    if (entry.seenRemovedAt < diedAt) return [];
    const next = holdings
      .filter((other) => other.name === name && other.token > dead.token)
      .toSorted((a, b) => Number(a.token - b.token))[0];
    // Who asked later waited for less, and who asked for more waited for others as well.
    if (!next || !isPlain(next) || next.askedAt > diedAt) return [];
    const ttlMs = record.ttlOf(who);
    const goalMs = goalOf(record, next, { from: diedAt, until: next.gotAt }, ttlMs);
    if (goalMs === undefined) return [];
    const tookMs = next.gotAt - diedAt;
    return [{ name, from: who, to: next.who, diedAt, tookMs, goalMs }];
  });
}

/** How long it may take; nothing, if something else held it up. */
function goalOf(record: RunRecord, next: Request, span: Span, ttlMs: number): number | undefined {
  const plainMs = ttlMs + expiryMs;
  if (!isTouched(disturbances(record, next.who), { ...span, from: span.from - ttlMs })) {
    return plainMs;
  }
  // A leader that was killed, and nothing else.
  const deeds = record.deeds.filter(({ kind }) => !kind.startsWith("kill node"));
  const isElse = isTouched(disturbances({ ...record, deeds }, next.who), span);
  return isElse ? undefined : plainMs + electionMs;
}

/** Whether it wanted one lock for itself. */
function isPlain({ names, mode }: Request): boolean {
  return names.length === 1 && mode !== "read" && mode !== "permits";
}
