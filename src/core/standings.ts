import { type Entry, withoutCompanions } from "./entry.ts";
import { Mirror } from "./mirror.ts";
import { holdersAmong } from "./rule.ts";
import type { Session } from "./session.ts";

/** How a queue stands: who came first, and which waiter stands where. */
export interface Standings {
  readonly first: Entry | undefined;
  /** 1 for whoever is next. */
  readonly positions: ReadonlyMap<string, number>;
}

/** Counts through a queue once, for all who want to know their position in it. */
function standingsOf(all: readonly Entry[]): Standings {
  const entries = withoutCompanions(all);
  const waiters = entries.slice(holdersAmong(entries));
  return {
    first: entries[0],
    positions: new Map(waiters.map(({ key }, index) => [key, index + 1])),
  };
}

/** Shows how a queue stands. All who look share one view of it, which ends with the last one. */
export class StandingsBoard {
  readonly #session: Session;
  readonly #prefix: string;
  readonly #listeners = new Set<(standings: Standings) => void>();
  #mirror: Mirror | undefined;

  constructor(session: Session, prefix: string) {
    this.#session = session;
    this.#prefix = prefix;
  }

  /**
   * Calls `listener` with how the queue stands, now and after each change. Returns the function
   * that takes it back.
   */
  follow(listener: (standings: Standings) => void): () => void {
    this.#listeners.add(listener);
    this.#mirror ??= new Mirror(this.#session, this.#prefix, () =>
      this.#tell([...this.#listeners]),
    );
    this.#tell([listener]);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#mirror?.close();
      this.#mirror = undefined;
    };
  }

  #tell(listeners: readonly ((standings: Standings) => void)[]): void {
    const entries = this.#mirror?.entries;
    if (!entries) return;
    const standings = standingsOf(entries);
    for (const listener of listeners) listener(standings);
  }
}
