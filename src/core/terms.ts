/**
 * The terms of etcd's leaders that were heard of. What a leader says of a lease after its term is
 * over is void: one that was paused answers what it has in its queue. All leases of a session share
 * what is known of that.
 */
export class Terms {
  readonly #listeners = new Set<() => void>();
  #highest = 0n;

  /** The highest one so far. */
  get highest(): bigint {
    return this.#highest;
  }

  /** Takes note of a term. */
  witness(raftTerm: bigint): void {
    if (raftTerm <= this.#highest) return;
    this.#highest = raftTerm;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` when a higher one is heard of. Returns the function that takes it back. */
  onRise(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
