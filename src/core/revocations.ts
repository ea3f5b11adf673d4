import type { KeyValue, WatchEvent } from "../etcd/api.ts";
import { type Revocation, revocationOf } from "./revocation.ts";

/** The requests to let go of what a session holds, as far as they are heard of. */
export class Revocations {
  /** By the token that is meant, until they are taken back. */
  readonly #pending = new Map<bigint, Revocation>();
  readonly #listeners = new Set<(revocation: Revocation) => void>();

  /** Whether somebody wants a hold back already, of which we have only just learned the token. */
  pending(token: bigint): Revocation | undefined {
    return this.#pending.get(token);
  }

  /** Calls `listener` when somebody wants a hold back. Returns the function that takes it back. */
  onRequest(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What became of a key below the session's own. */
  hear(kv: KeyValue, type: WatchEvent["type"] = "put"): void {
    const revocation = revocationOf(kv);
    if (!revocation) return;
    if (type === "delete") {
      this.#pending.delete(revocation.token);
      return;
    }
    this.#pending.set(revocation.token, revocation);
    for (const listener of [...this.#listeners]) listener(revocation);
  }
}
