import { processOf } from "../../src/testkit/history/event.ts";
import { isOnCluster } from "./deed.ts";
import type { RunRecord } from "./run-record.ts";

/** A span of time. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

/** When something was done to the cluster, or to the client that somebody belongs to. */
export function disturbances(record: RunRecord, who: string): readonly Span[] {
  return [...record.deeds.filter(isOnCluster), ...ownDisturbances(record, who)];
}

/** When something was done to the client that somebody belongs to. */
export function ownDisturbances(
  { deeds, history }: Pick<RunRecord, "deeds" | "history">,
  who: string,
): readonly Span[] {
  const client = `client ${Number.parseInt(who, 10)}`;
  const stops = history.filter(
    ({ who: whose, kind }) =>
      whose === processOf(who) && (kind === "stopped" || kind === "went on"),
  );
  const stood = stops
    .filter(({ kind }) => kind === "stopped")
    .map(({ at }) => ({
      from: at,
      until: stops.find((event) => event.kind === "went on" && event.at > at)?.at ?? at,
    }));
  return [...deeds.filter(({ target }) => target === client), ...stood];
}

/** The longest time between two moments in which nothing was done. */
export function longestCalm(spans: readonly Span[], { from, until }: Span): number {
  let longest = 0;
  let calmSince = from;
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    if (span.until < calmSince) continue;
    if (span.from > until) break;
    longest = Math.max(longest, span.from - calmSince);
    calmSince = Math.max(calmSince, span.until);
  }
  return Math.max(longest, until - calmSince);
}

/** Whether anything of it was between two moments. */
export function isTouched(spans: readonly Span[], { from, until }: Span): boolean {
  return spans.some((span) => span.from <= until && span.until >= from);
}
