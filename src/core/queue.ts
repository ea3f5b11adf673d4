import { StoreUnavailableError } from "../errors.ts";
import type { KeyRange, KeyValue, Watch, WatchEvent } from "../etcd/api.ts";
import { abortable } from "../signals.ts";
import { bytesOf, lockKey, prefixEnd, queuePrefix, textOf } from "./keys.ts";
import { Place } from "./place.ts";
import type { Session } from "./session.ts";
import { steadyWatch } from "./steady-watch.ts";

/** What a place in the queue looks out upon, at one revision. */
export interface View {
  readonly revision: bigint;
  /** The entries ahead, newest first, as many as were asked for. */
  readonly ahead: readonly KeyValue[];
}

interface Waiter {
  /** The keys whose removal it waits for. */
  readonly blocking: ReadonlySet<string>;
  /** Wakes it: with a view if one is known already, else to look for itself. */
  readonly wake: (view?: View) => void;
}

/**
 * All who have asked for one lock, as one client sees them: its own places, and a watch on
 * everybody's entries while that is of use.
 *
 * There is one watch per name, kept open while somebody waits or holds for more than a
 * moment. It tells waiters that an entry ahead has gone, and holders that their own has.
 * A watch on the one entry ahead would wake nobody in vain, but would have to be opened
 * for each wait, and etcd may serve a watch late that begins in the past (PERFORMANCE,
 * hand-over: 1 ms against 88).
 */
export class Queue {
  readonly name: string;
  /** The key without the last slash: what others call the lock. */
  readonly key: string;
  readonly prefix: string;
  readonly range: KeyRange;
  readonly session: Session;
  readonly #onEmpty: () => void;
  readonly #places = new Map<string, Place>();
  readonly #waiters = new Map<string, Waiter>();
  #lastJoin: Promise<unknown> = Promise.resolve();
  #watch: Watch | undefined;
  /** The revision of the last removal that we know of. */
  #lastRemoval = 0n;

  constructor(session: Session, name: string, onEmpty: () => void) {
    const { namespace } = session.options;
    this.session = session;
    this.name = name;
    this.key = lockKey(namespace, name);
    this.prefix = queuePrefix(namespace, name);
    const key = bytesOf(this.prefix);
    this.range = { key, rangeEnd: prefixEnd(key) };
    this.#onEmpty = onEmpty;
  }

  /** A place that nobody stands in yet. It is watched over until it is removed. */
  newPlace(): Place {
    const place = new Place(this);
    this.#places.set(place.key, place);
    return place;
  }

  /**
   * Runs the joins of this process one after another, so that its contenders stand in the
   * queue in the order in which they asked. Requests sent at once may arrive in any order.
   */
  inOrder<T>(join: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const { clock, callTimeoutMs } = this.session.options;
    const askedAt = clock.now();
    const joined = this.#lastJoin.then(
      () => {
        signal?.throwIfAborted();
        return join();
      },
      (error: unknown) => {
        // Whoever has waited for the one before as long as for an answer of its own gets none either.
        const waited = clock.now() - askedAt >= callTimeoutMs;
        if (waited && error instanceof StoreUnavailableError) throw error;
        signal?.throwIfAborted();
        return join();
      },
    );
    this.#lastJoin = joined;
    return abortable(joined, signal);
  }

  /** Forgets a place. The watch ends with the last one. */
  remove(place: Place): void {
    if (!this.#places.delete(place.key) || this.#places.size > 0) return;
    this.#watch?.close();
    this.#watch = undefined;
    this.#onEmpty();
  }

  /** Sees to it that the places here hear of the removal of their entries. */
  keepWatch(): void {
    this.#watch ??= steadyWatch(this.session.etcd, this.session.options.clock, this.range, {
      onStanding: (revision, gapless) => this.#onStanding(revision, gapless),
      onEvents: (events) => this.#onEvents(events),
    });
  }

  /**
   * Waits until something has changed for a place that found `blocking` in its way at
   * `since`. Resolves with what it looks out upon now, if etcd has told already.
   *
   * @throws the signal's reason.
   */
  async changed(
    place: Place,
    blocking: readonly KeyValue[],
    since: bigint,
    signal: AbortSignal,
  ): Promise<View | undefined> {
    signal.throwIfAborted();
    this.keepWatch();
    // Between the view and now an entry went. Whether it was in our way, a look will tell.
    if (this.#lastRemoval > since) return undefined;

    return new Promise((resolve, reject) => {
      const { clock, ttlMs } = this.session.options;
      const settle = (outcome: () => void): void => {
        this.#waiters.delete(place.key);
        signal.removeEventListener("abort", onAbort);
        cancelLook();
        stopListening();
        outcome();
      };
      const wake = (view?: View): void => settle(() => resolve(view));
      const onAbort = (): void => settle(() => reject(signal.reason));

      this.#waiters.set(place.key, {
        blocking: new Set(blocking.map(({ key }) => textOf(key))),
        wake,
      });
      signal.addEventListener("abort", onAbort);
      // Old servers lose events at times. Besides, this keeps the process alive.
      const cancelLook = clock.setTimer(Math.min(ttlMs, 5_000), wake);
      const stopListening = place.onLoss(() => wake());
    });
  }

  /** After a removal of our own, etcd told who is first now: one of us may be let in at once. */
  handOver(next: KeyValue | undefined, revision: bigint): void {
    this.#noteRemoval(revision);
    if (next) this.#waiters.get(textOf(next.key))?.wake({ revision, ahead: [] });
  }

  #onStanding(revision: bigint, gapless: boolean): void {
    if (gapless) return;
    // Nobody saw what happened before: everybody looks.
    this.#noteRemoval(revision);
    for (const place of this.#places.values()) {
      const waiter = this.#waiters.get(place.key);
      if (waiter) waiter.wake();
      // Whoever could not be asked will be told by the deadline of the lease.
      else void place.verify().catch(() => {});
    }
  }

  #onEvents(events: readonly WatchEvent[]): void {
    for (const { type, kv } of events) {
      const key = textOf(kv.key);
      if (type === "put") {
        this.#places.get(key)?.wasPut(kv.lease);
        continue;
      }
      this.#noteRemoval(kv.modRevision);
      this.#places.get(key)?.wasRemoved();
      for (const { blocking, wake } of [...this.#waiters.values()]) if (blocking.has(key)) wake();
    }
  }

  #noteRemoval(revision: bigint): void {
    if (revision > this.#lastRemoval) this.#lastRemoval = revision;
  }
}
