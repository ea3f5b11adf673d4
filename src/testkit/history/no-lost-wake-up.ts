import { type HistoryEvent, processOf } from "./event.ts";
import { grouped } from "./grouped.ts";
import type { Recorded } from "./recorded.ts";
import { isHolding, type Request } from "./request.ts";
import { ms, story } from "./story.ts";

/**
 * Whoever asked got in or gave up, and got in soon after the last one in its way was gone, in all
 * queues that it stood in; a reader is in no reader's way. Nobody waited at a moment at which
 * nothing else could happen. Of whoever has no token it is not known where it stood, so it counts
 * as ahead.
 */
export function noLostWakeUp({
  requests,
  events,
  bounds: { wakeMs, expiryMs },
}: Pick<Recorded, "requests" | "events" | "bounds">): string | undefined {
  const stuck = requests.filter(({ end }) => end === undefined);
  if (stuck.length > 0) return story("Not everybody got in or gave up", stuck);

  const disturbed = disturbances(events);
  /** When its entry was gone at the latest. */
  const goneAt = (request: Request, isRead: boolean): number => {
    const { end, diedAt, sharesSince, askedAt, windowMs = 0, minHoldMs = 0 } = request;
    const until = Math.max((diedAt ?? request.until) + minHoldMs, askedAt + windowMs);
    if (isRead && sharesSince !== undefined) return sharesSince;
    const lingers = end === "lost" || disturbed(request, until + wakeMs);
    return lingers ? until + expiryMs : until;
  };
  const byName = grouped(requests, ({ name }) => name);
  const lulls = events.filter(({ kind }) => kind === "lull").map(({ at }) => at);
  for (const late of requests.filter(isHolding)) {
    const { names, mode, token, askedAt, gotAt } = late;
    const isRead = mode === "read";
    const lull = lulls.findLast((at) => at < gotAt) ?? Number.NEGATIVE_INFINITY;
    const isSlow = gotAt - askedAt > wakeMs && !disturbed(late, gotAt);
    if (!isSlow && lull < askedAt) continue;
    const inItsWay = names
      .flatMap((name) => byName.get(name) ?? [])
      .filter(
        (other) =>
          other.askedAt < gotAt &&
          (!isHolding(other) || (other.token < token && !(isRead && other.mode === "read"))),
      );
    const freeAt = Math.max(askedAt, ...inItsWay.map((other) => goneAt(other, isRead)));
    if ((isSlow && gotAt - freeAt > wakeMs) || lull > freeAt) {
      return story(`Free since ${ms(freeAt)}, but let in late`, [late]);
    }
  }
  return undefined;
}

/** Finds out whether a process was killed or stood still at some time from a request's beginning. */
function disturbances(
  history: readonly HistoryEvent[],
): (request: Request, until: number) => boolean {
  const events = history.filter(({ kind }) => ["died", "stopped", "went on"].includes(kind));
  const byProcess = grouped(events, ({ who }) => who);
  return ({ who, askedAt }, until) =>
    (byProcess.get(processOf(who)) ?? []).some(({ at }) => at >= askedAt && at <= until);
}
