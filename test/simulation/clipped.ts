import {
  type HistoryEvent,
  processOf,
  type RequestEvent,
} from "../../src/testkit/history/event.ts";

/** An entry that was taken away by force, of which its owner can't know beforehand. */
export interface Removal {
  readonly token: string;
  readonly at: number;
}

/**
 * A history in which nobody is blamed for what it believed after its entry was taken away by force: one
 * that heard of getting in only after that has never been in, and one that died without having heard
 * had lost it then.
 */
export function clipped(
  history: readonly HistoryEvent[],
  removals: readonly Removal[],
): readonly HistoryEvent[] {
  // Of several entries that were made at once, the first one counts.
  const goneAt = new Map(removals.toReversed().map(({ token, at }) => [token, at]));
  const neverIn = new Set<string>();
  const holding = new Map<string, RequestEvent>();
  return history.flatMap((event): readonly HistoryEvent[] => {
    if (event.kind === "died") return [...lostBy(event.who, event.at, holding, goneAt), event];
    if (!("token" in event) || event.token === undefined) return [event];
    const { kind, token, who, name, ...rest } = event;
    const at = goneAt.get(token) ?? Number.POSITIVE_INFINITY;
    if (kind === "got" && at <= event.at) {
      neverIn.add(token);
      return [{ ...rest, who, name, kind: "gave up", why: "taken away before it knew" }];
    }
    if (neverIn.has(token)) return kind === "got" ? [event] : [];
    const id = `${who} ${name}`;
    if (kind !== "left" && kind !== "lost") {
      holding.set(id, event);
      return [event];
    }
    holding.delete(id);
    return [{ ...event, heldUntil: Math.min(event.heldUntil ?? event.at, at) }];
  });
}

/** What a process that dies held that had been taken away. */
function lostBy(
  died: string,
  at: number,
  holding: ReadonlyMap<string, RequestEvent>,
  goneAt: ReadonlyMap<string, number>,
): readonly HistoryEvent[] {
  return [...holding.values()].flatMap((event): readonly HistoryEvent[] => {
    const heldUntil = goneAt.get(event.token ?? "") ?? Number.POSITIVE_INFINITY;
    if (processOf(event.who) !== died || heldUntil > at) return [];
    return [{ ...event, kind: "lost", at, heldUntil, why: "taken away" }];
  });
}
