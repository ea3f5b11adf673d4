/**
 * What a resource needs to make use of fencing tokens: it remembers the highest one that it
 * has seen, and refuses what comes with a smaller one.
 *
 * A read counts as well. Otherwise a holder of the past could write between the read and the
 * write of its successor, who has no way of noticing, and would wipe that update out.
 */
export class Guard {
  #highest = 0n;

  get highest(): bigint {
    return this.#highest;
  }

  /** Whether a write with this token may go through. */
  admits(token: bigint): boolean {
    return token >= this.#highest;
  }

  /** Takes note of a token that was shown with a read or a write. */
  see(token: bigint): void {
    if (token > this.#highest) this.#highest = token;
  }
}
