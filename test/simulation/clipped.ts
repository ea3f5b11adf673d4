import type { HistoryEvent } from "../../src/testkit/history/event.ts";

/** An entry that was taken away by force, of which its owner can't know beforehand. */
export interface Removal {
  readonly token: string;
  readonly at: number;
}

/**
 * A history in which nobody is blamed for what it believed after its entry was taken away by force: one
 * that heard of getting in only after that has never been in.
 */
export function clipped(
  history: readonly HistoryEvent[],
  removals: readonly Removal[],
): readonly HistoryEvent[] {
  // Of several entries that were made at once, the first one counts.
  const goneAt = new Map(removals.toReversed().map(({ token, at }) => [token, at]));
  const neverIn = new Set<string>();
  return history.flatMap((event): readonly HistoryEvent[] => {
    if (!("token" in event) || event.token === undefined) return [event];
    const { kind, token, ...rest } = event;
    const at = goneAt.get(token) ?? Number.POSITIVE_INFINITY;
    if (kind === "got" && at <= event.at) {
      neverIn.add(token);
      return [{ ...rest, kind: "gave up", why: "taken away before it knew" }];
    }
    if (neverIn.has(token)) return kind === "got" ? [event] : [];
    if (kind !== "left" && kind !== "lost") return [event];
    return [{ ...event, heldUntil: Math.min(event.heldUntil ?? event.at, at) }];
  });
}
