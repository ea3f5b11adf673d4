import { type HistoryEvent, processOf, type RequestEvent, type Want } from "./event.ts";
import { grouped } from "./grouped.ts";

/** One request from the moment at which somebody asked until the matter was closed. */
export interface Request extends Want {
  readonly who: string;
  readonly name: string;
  /** All that it asked for at once. */
  readonly names: readonly string[];
  readonly windowMs: number | undefined;
  readonly minHoldMs: number | undefined;
  readonly waitMs: number;
  /** Whether nobody is to get in after its loss before its work has stopped. */
  readonly lingers: boolean;
  readonly askedAt: number;
  readonly token: bigint | undefined;
  /** When it got in. */
  readonly gotAt: number | undefined;
  /** From when on it counts as a reader, though it asked for more. */
  readonly sharesSince: number | undefined;
  /** Until when it is certain to have stood in the queue or held: infinity if it never ended. */
  readonly until: number;
  /** If it was lost: when its work had stopped. */
  readonly stoppedAt: number | undefined;
  /** If it was lost: whether it was told while others were kept out, and had to stop its work then. */
  readonly toldInTime: boolean;
  readonly diedAt: number | undefined;
  readonly end: "left" | "gave up" | "lost" | "died" | undefined;
  readonly why: string | undefined;
}

/** A request that got in. */
export interface Holding extends Request {
  readonly token: bigint;
  readonly gotAt: number;
}

type Draft = { -readonly [Key in keyof Request]: Request[Key] };

/**
 * Gathers what belongs together, in the order in which it was asked. What a process said
 * between our decision to kill it and its death does not count. Of one that was stopped, and killed
 * before it said anything more of a request, nothing is certain since it was stopped.
 *
 * @throws when the history makes no sense, such as a lock that nobody asked for.
 */
export function requestsOf(history: readonly HistoryEvent[]): readonly Request[] {
  const requests: Draft[] = [];
  const open = new Map<string, Draft>();
  const dead = new Set<string>();
  const stops = new Map<string, { at: number; until: number }[]>();
  for (const event of inOrder(history)) {
    if (dead.has(processOf(event.who))) continue;
    if (event.kind === "died") {
      dead.add(event.who);
      for (const [id, draft] of open) {
        if (processOf(draft.who) !== event.who) continue;
        const { sharesSince, gotAt, askedAt } = draft;
        const told = sharesSince ?? gotAt ?? askedAt;
        const stop = stops.get(event.who)?.find(({ until }) => told < until);
        const until = stop ? Math.max(told, stop.at) : event.at;
        Object.assign(draft, { until, diedAt: event.at, end: "died" });
        open.delete(id);
      }
    } else if (event.kind === "stopped") {
      const before = stops.get(event.who) ?? [];
      stops.set(event.who, [...before, { at: event.at, until: Number.POSITIVE_INFINITY }]);
    } else if (event.kind === "went on") {
      Object.assign(stops.get(event.who)?.at(-1) ?? {}, { until: event.at });
    } else if ("mode" in event) {
      follow(event, open, requests);
    }
  }
  for (const draft of open.values()) {
    // Of one that stands still to this day, nothing is certain since then.
    const stop = stops.get(processOf(draft.who))?.at(-1);
    if (stop?.until === Number.POSITIVE_INFINITY) {
      draft.until = Math.max(draft.sharesSince ?? draft.gotAt ?? draft.askedAt, stop.at);
    }
  }
  return requests;
}

function follow(event: RequestEvent, open: Map<string, Draft>, requests: Draft[]): void {
  const id = `${event.who} ${event.name}`;
  const draft = open.get(id);
  if (event.kind === "asked") {
    if (draft) throw senseless(event);
    const { who, name, names = [name], mode, permits, at: askedAt, windowMs, minHoldMs } = event;
    const asked: Draft = {
      ...{ who, name, names, mode, permits, askedAt, windowMs, minHoldMs },
      waitMs: event.waitMs ?? Number.POSITIVE_INFINITY,
      lingers: event.lingers ?? false,
      until: Number.POSITIVE_INFINITY,
      ...{ token: undefined, gotAt: undefined, sharesSince: undefined },
      ...{
        end: undefined,
        stoppedAt: undefined,
        toldInTime: false,
        diedAt: undefined,
        why: undefined,
      },
    };
    requests.push(asked);
    open.set(id, asked);
    return;
  }
  const hasGot = event.kind !== "got" && event.kind !== "gave up";
  if (!draft || (draft.token !== undefined) !== hasGot) throw senseless(event);
  if (event.kind === "got") {
    draft.token = BigInt(event.token ?? 0);
    draft.gotAt = event.at;
    return;
  }
  if (event.kind === "shares") {
    draft.sharesSince = event.at;
    return;
  }
  draft.until = event.heldUntil ?? event.at;
  draft.end = event.kind;
  if (event.kind === "lost") {
    draft.stoppedAt = event.at;
    draft.toldInTime = event.toldInTime ?? false;
  }
  draft.why = event.why;
  open.delete(id);
}

function senseless(event: RequestEvent): Error {
  return new Error(`This can't have happened next: ${JSON.stringify(event)}`);
}

function inOrder(history: readonly HistoryEvent[]): readonly HistoryEvent[] {
  return history.toSorted((a, b) => a.at - b.at);
}

/** Those who got in, by name, in the order in which they did. */
export function holdingsByName(
  requests: readonly Request[],
): ReadonlyMap<string, readonly Holding[]> {
  const holdings = requests.filter(isHolding).toSorted((a, b) => a.gotAt - b.gotAt);
  return grouped(holdings, ({ name }) => name);
}

/** The same as it was at a certain moment: a writer may have become a reader. */
export function asOf<T extends Request>(request: T, at: number): T {
  const { sharesSince = Number.POSITIVE_INFINITY } = request;
  return sharesSince <= at ? { ...request, mode: "read" } : request;
}

/** Until when others may not be in beside it: one that was told to stop counts until it had. */
export function workedUntil({ toldInTime, stoppedAt, until }: Request): number {
  return toldInTime ? Math.max(stoppedAt ?? until, until) : until;
}

export function isHolding(request: Request): request is Holding {
  return request.token !== undefined;
}
