/** What replicas say they have done, against what is there. */
export interface Settlement {
  readonly claimed: number;
  readonly found: number;
  /** Updates that a replica was told were made, and that are not there. */
  readonly lost: readonly string[];
  /** Updates that are there, though their replica died before it could say so. */
  readonly unclaimed: readonly string[];
}

export function settle(claimed: readonly string[], found: readonly string[]): Settlement {
  const there = new Set(found);
  const said = new Set(claimed);
  return {
    claimed: claimed.length,
    found: found.length,
    lost: claimed.filter((update) => !there.has(update)),
    unclaimed: found.filter((update) => !said.has(update)),
  };
}
