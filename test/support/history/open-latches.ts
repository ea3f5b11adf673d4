import {
  type HistoryEvent,
  type LatchEvent,
  processOf,
} from "../../../src/testkit/history/event.ts";
import { grouped } from "../../../src/testkit/history/grouped.ts";
import { ms } from "../../../src/testkit/history/story.ts";

/**
 * Nobody passes a latch before it was counted down as often as it has to be, and nobody waits at
 * one that was: for longer than it takes to be told, or while nothing else happens. Whoever counts is told how many are left. It holds as long as nobody resets any.
 */
export function openLatches(
  history: readonly HistoryEvent[],
  { wakeMs }: { readonly wakeMs: number },
): string | undefined {
  const inOrder = history.toSorted((a, b) => a.at - b.at);
  const lulls = inOrder.filter(({ kind }) => kind === "lull").map(({ at }) => at);
  const deaths = new Map(
    inOrder.filter(({ kind }) => kind === "died").map(({ who, at }) => [who, at] as const),
  );
  const diedAt = (who: string): number => deaths.get(processOf(who)) ?? Number.POSITIVE_INFINITY;
  const stopped = new Set(inOrder.filter(({ kind }) => kind === "stopped").map(({ who }) => who));
  const told = inOrder.filter(
    (event): event is LatchEvent => "total" in event && event.at < diedAt(event.who),
  );
  for (const events of grouped(told, ({ name }) => name).values()) {
    for (const event of events) {
      // Of one that was stopped, nobody knows how long it had to be told.
      const patience = stopped.has(processOf(event.who)) ? Number.POSITIVE_INFINITY : wakeMs;
      const looks = [...lulls, Number.POSITIVE_INFINITY];
      const wrong = wrongWith(event, events, looks, diedAt, patience);
      if (wrong) return [`${wrong}:`, ...events.map(line)].join("\n");
    }
  }
  return undefined;
}

function wrongWith(
  event: LatchEvent,
  events: readonly LatchEvent[],
  lulls: readonly number[],
  diedAt: (who: string) => number,
  patience: number,
): string | undefined {
  const { at, who, kind, total } = event;
  const count = (what: LatchEvent["kind"], until: number): number =>
    events.filter((other) => other.kind === what && other.at <= until).length;
  if (kind === "passes" && count("counts", at) < total) {
    return `${who} passed at ${ms(at)}, before it was open`;
  }
  if (kind === "counted") {
    const { left = 0 } = event;
    const calledAt = events.findLast(
      (other) => other.who === who && other.kind === "counts" && other.at < at,
    )?.at;
    const atLeast = Math.max(0, total - count("counts", at));
    const atMost = Math.max(0, total - count("counted", calledAt ?? at) - 1);
    if (left < atLeast || left > atMost) {
      return `${who} was told at ${ms(at)} that ${left} are left, but ${atLeast} to ${atMost} are`;
    }
  }
  if (kind === "waits") {
    const end = events.find((other) => other.who === who && other.at > at)?.at ?? diedAt(who);
    const lull = Math.max(
      lulls.findLast((moment) => moment <= end) ?? Number.NEGATIVE_INFINITY,
      Math.min(end, diedAt(who)) - patience,
    );
    if (lull > at && count("counted", lull) >= total) {
      return `${who} waits since ${ms(at)}, though it is open`;
    }
  }
  return undefined;
}

function line({ at, who, name, kind, left }: LatchEvent): string {
  return `  ${who} ${kind} at ${name} at ${ms(at)}${left === undefined ? "" : `: ${left} left`}`;
}
