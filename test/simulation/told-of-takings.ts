import type { HistoryEvent, RequestEvent } from "../../src/testkit/history/event.ts";
import type { Entry } from "../../src/testkit/history/server-side.ts";
import type { Removal } from "./clipped.ts";

/** Whoever is disturbed by nothing hears within `boundMs` that its hold was taken away, or is wanted back. */
export function toldSoon(
  history: readonly HistoryEvent[],
  takings: readonly Removal[],
  boundMs: number,
): string | undefined {
  for (const { token, at } of takings) {
    const late = endsOf(history, token).find((end) => (end.heldUntil ?? end.at) > at + boundMs);
    if (late)
      return story("Somebody believed for long after its hold had been taken away", late, at);
  }
  return undefined;
}

/** Nobody is told that it let go in good order of what had been taken away before. */
export function releasesTrue(
  history: readonly HistoryEvent[],
  removals: readonly Removal[],
): string | undefined {
  for (const { token, at } of removals) {
    const wrong = endsOf(history, token).find((end) => end.kind === "left" && end.at > at);
    if (wrong) return story("Somebody released what had been taken away", wrong, at);
  }
  return undefined;
}

/**
 * No leader that resumed took a place from anybody who was there to keep it, whether it held or waited:
 * `removals` are those of leaders that had been followed by another one for long enough to move.
 */
export function keptFromStaleLeader(
  history: readonly HistoryEvent[],
  entries: readonly Entry[],
  removals: readonly Removal[],
): string | undefined {
  for (const { token, at } of removals) {
    const owners = new Set(
      entries.flatMap((each) => (String(each.token) === token ? each.who : [])),
    );
    const told = history.filter(
      (event): event is RequestEvent => "mode" in event && owners.has(event.who),
    );
    // Whoever had lost it before that was told so before.
    const since = told.findLast((event) => event.at <= at);
    const then = told.find((event) => event.at > at);
    const wasThere = since && !isEnd(since);
    const isGone = then?.kind === "lost" || (then?.kind === "gave up" && then.why === "PLACE_LOST");
    if (wasThere && isGone) return story("A leader that resumed took a place", then, at);
  }
  return undefined;
}

function endsOf(history: readonly HistoryEvent[], token: string): readonly RequestEvent[] {
  return history.filter(
    (event): event is RequestEvent =>
      "token" in event && event.token === token && (event.kind === "left" || event.kind === "lost"),
  );
}

function isEnd({ kind }: RequestEvent): boolean {
  return kind === "left" || kind === "lost" || kind === "gave up";
}

function story(what: string, { who, name, kind, at, why }: RequestEvent, takenAt: number): string {
  const how = why === undefined ? kind : `${kind} (${why})`;
  return `${what}: ${who} at ${name}, at ${takenAt.toFixed(2)} ms; it ${how} at ${at.toFixed(2)} ms`;
}
