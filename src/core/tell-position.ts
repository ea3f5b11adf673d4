import type { Holder } from "../errors.ts";
import { holderOf } from "./entry.ts";
import type { Queue } from "./queue.ts";

/** Hears of its position among the waiters, 1 for whoever is next, and of who stands first. */
export type PositionListener = (position: number, holder: Holder | undefined) => void;

/** The telling of a waiter, for as long as it waits. */
export interface PositionTelling {
  /** Aborts with what the one who was told threw. */
  readonly failed: AbortSignal;
  readonly stop: () => void;
}

/**
 * Tells a waiter its position, 1 for whoever is next, and who holds, now and whenever either
 * changes.
 */
export function tellPosition(queue: Queue, key: string, onWait: PositionListener): PositionTelling {
  const failure = new AbortController();
  let told = "";
  const stop = queue.board.follow(({ first, positions }) => {
    const position = positions.get(key);
    if (position === undefined || told === `${position} ${first?.key}`) return;
    told = `${position} ${first?.key}`;
    try {
      onWait(position, first && holderOf(first));
    } catch (error) {
      failure.abort(error);
    }
  });
  return { failed: failure.signal, stop };
}
