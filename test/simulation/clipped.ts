import type { HistoryEvent } from "../../src/testkit/history/event.ts";

/** An entry that was taken away by force, of which its owner can't know beforehand. */
export interface Removal {
  readonly token: string;
  readonly at: number;
}

/** A history in which nobody is blamed for what it believed after its entry was taken away by force. */
export function clipped(
  history: readonly HistoryEvent[],
  removals: readonly Removal[],
): readonly HistoryEvent[] {
  // Of several entries that were made at once, the first one counts.
  const goneAt = new Map(removals.toReversed().map(({ token, at }) => [token, at]));
  return history.map((event) => {
    if (!("token" in event) || (event.kind !== "left" && event.kind !== "lost")) return event;
    const at = goneAt.get(event.token ?? "") ?? Number.POSITIVE_INFINITY;
    return { ...event, heldUntil: Math.min(event.heldUntil ?? event.at, at) };
  });
}
