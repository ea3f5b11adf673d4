/**
 * What the 1.x class asks of whatever it works on. The class itself checks its arguments,
 * emits the events, and leaves the lock to one of these.
 */
export interface LockBackend<Answer = unknown> {
  /** @throws {AlreadyLockedError} when anybody has the lock, this node included. */
  lock(): Promise<Answer>;

  /** @throws {LockNotOwnedError} when the node does not have the lock. */
  unlock(): Promise<Answer>;

  /** @throws {LockNotOwnedError} when the node does not have the lock. */
  renew(): Promise<Answer>;

  /**
   * Tells `listener` what becomes of the lock, whoever does it, never before this call has
   * returned. The other methods go on to work when nobody watches any more.
   *
   * @returns the function that ends it and leaves nothing behind. Calling it twice does nothing.
   */
  watch(listener: LockListener): () => void;
}

/** Whoever wants to know what becomes of a lock. */
export interface LockListener {
  /** Somebody has the lock who did not have it before. */
  onLocked(): void;
  /** Whoever had the lock has it no longer: unlocked, deleted or expired. */
  onUnlocked(): void;
  /** The watch has trouble. It goes on where it can. */
  onError(error: Error): void;
}
