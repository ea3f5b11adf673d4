/**
 * What the replicas share: a list of updates, each named after the replica that made it.
 * An update reads the whole list, and writes it back with one name more. So two that overlap
 * lose one of the two, and afterwards everybody can see which.
 */
export interface Ledger {
  read(token: bigint): Promise<readonly string[]>;

  /** Replaces the list. Resolves with whether it did: it refuses writers of the past. */
  write(updates: readonly string[], token: bigint): Promise<boolean>;
}
