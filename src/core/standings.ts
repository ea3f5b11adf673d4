import type { Entry } from "./entry.ts";
import { holdersAmong } from "./rule.ts";

/** How a queue stands: who holds, and which waiter stands where. */
export interface Standings {
  readonly first: Entry | undefined;
  /** 1 for whoever is next. */
  readonly positions: ReadonlyMap<string, number>;
}

/** Counts through a queue once, for all who want to know their position in it. */
export function standingsOf(entries: readonly Entry[]): Standings {
  const waiters = entries.slice(holdersAmong(entries));
  return {
    first: entries[0],
    positions: new Map(waiters.map(({ key }, index) => [key, index + 1])),
  };
}
