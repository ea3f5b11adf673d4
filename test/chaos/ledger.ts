/** Something that was asked of a ledger. */
export interface LedgerEvent {
  readonly at: number;
  readonly who: string;
  readonly kind: "read" | "write" | "refused";
  readonly token: bigint;
  /** What is added by a write. */
  readonly item?: string | undefined;
}

/**
 * A resource outside of etcd that a lock protects: a list that is read, and written as a whole, so that
 * whoever writes what it made of an old one undoes what others wrote meanwhile. It refuses the tokens
 * of holders of the past, for reading too: else one that reads late and writes early would go unseen.
 */
export class Ledger {
  /** All that was asked, in order. */
  readonly events: LedgerEvent[] = [];
  readonly #isFenced: boolean;
  #items: readonly string[] = [];
  #highest = 0n;

  /** Without fencing it takes whatever comes, as most resources do. */
  constructor(isFenced: boolean) {
    this.#isFenced = isFenced;
  }

  get items(): readonly string[] {
    return this.#items;
  }

  /** Who has read and not written yet, as far as the ledger knows. */
  get busyWith(): string | undefined {
    const last = this.events.findLast(({ kind }) => kind !== "refused");
    return last?.kind === "read" ? last.who : undefined;
  }

  /** What is in it; nothing if a holder with a larger token was here. */
  read(at: number, who: string, token: bigint): readonly string[] | undefined {
    return this.#lets(at, who, token) ? this.#note({ at, who, kind: "read", token }) : undefined;
  }

  /** Puts `items` in the place of all that was there. Returns whether it did. */
  write(at: number, who: string, token: bigint, items: readonly string[]): boolean {
    if (!this.#lets(at, who, token)) return false;
    this.#items = items;
    this.#note({ at, who, kind: "write", token, item: items.at(-1) });
    return true;
  }

  #lets(at: number, who: string, token: bigint): boolean {
    const isStale = this.#isFenced && token < this.#highest;
    if (isStale) this.#note({ at, who, kind: "refused", token });
    else if (token > this.#highest) this.#highest = token;
    return !isStale;
  }

  #note(event: LedgerEvent): readonly string[] {
    this.events.push(event);
    return this.#items;
  }
}
