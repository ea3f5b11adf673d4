import { StoreUnavailableError } from "../errors.ts";
import type { KeyValue, Watch, WatchEvent } from "../etcd/api.ts";
import { abortable, onAbort } from "../signals.ts";
import { byAge, type Entry, entryOf } from "./entry.ts";
import { lockKey, prefixRange, queuePrefix, textOf, type WholeRange } from "./keys.ts";
import type { Place } from "./place.ts";
import type { Session } from "./session.ts";
import { StandingsBoard } from "./standings.ts";
import { steadyWatch } from "./steady-watch.ts";

/** What a place in the queue looks out upon, at one revision. */
export interface View {
  readonly revision: bigint;
  /** The entries ahead that matter, newest first, as many as were asked for. */
  readonly ahead: readonly Entry[];
}

interface Waiter {
  readonly key: string;
  readonly place: Place;
  /** The revision of what it saw last. */
  readonly since: bigint;
  /** The keys whose removal it waits for. */
  readonly blocking: readonly string[];
  /** Whether it was not woken when one of those went, for one that stands in its way. */
  isPassedOver: boolean;
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
  readonly range: WholeRange;
  readonly session: Session;
  /** For those who want to know how it stands. */
  readonly board: StandingsBoard;
  readonly #onEmpty: () => void;
  readonly #places = new Map<string, Place>();
  readonly #waiters = new Map<string, Waiter>();
  /** Who waits for the removal of a key. */
  readonly #blocked = new Map<string, Set<Waiter>>();
  #cancelLook: () => void = () => {};
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
    this.range = prefixRange(this.prefix);
    this.board = new StandingsBoard(session, this.prefix);
    this.#onEmpty = onEmpty;
  }

  /** Watches over a place that has `key` as its entry here, until that is removed. */
  add(key: string, place: Place): void {
    this.#places.set(key, place);
  }

  /**
   * Runs the joins of this process one after another, in each queue, so that its contenders
   * stand there in the order in which they asked. Requests sent at once may arrive in any order.
   */
  static inOrder<T>(
    queues: readonly Queue[],
    join: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const [{ session }] = queues as [Queue];
    const { clock, callTimeoutMs } = session.options;
    const askedAt = clock.now();
    const joined = Promise.allSettled(queues.map((queue) => queue.#lastJoin)).then((before) => {
      // Whoever has waited for the one before as long as for an answer of its own gets none either.
      const waited = clock.now() - askedAt >= callTimeoutMs;
      for (const each of before) {
        if (each.status === "fulfilled" || !waited) continue;
        if (each.reason instanceof StoreUnavailableError) throw each.reason;
      }
      signal?.throwIfAborted();
      return join();
    });
    for (const queue of queues) queue.#lastJoin = joined;
    return abortable(joined, signal);
  }

  /** Forgets an entry, and lets those look who waited for it. The watch ends with the last one. */
  remove(key: string): void {
    if (!this.#places.delete(key)) return;
    this.#wakeBlocked(key);
    if (this.#places.size > 0) return;
    this.#watch?.close();
    this.#watch = undefined;
    this.#onEmpty();
  }

  /** Sees to it that the places here hear of the removal of their entries. */
  keepWatch(): void {
    // Whoever asks for it may have lost its place a moment ago.
    if (this.#places.size === 0) return;
    this.#watch ??= steadyWatch(this.session.etcd, this.session.options.clock, this.range, {
      onStanding: (revision, gapless) => this.#onStanding(revision, gapless),
      onEvents: (events) => this.#onEvents(events),
    });
  }

  /**
   * Waits until something has changed for a place that saw others in its way, from its entry
   * `key`. Resolves with what it looks out upon now, if etcd has told already.
   *
   * @throws the signal's reason.
   */
  async changed(
    place: Place,
    key: string,
    { ahead, revision: since }: View,
    signal: AbortSignal,
  ): Promise<View | undefined> {
    signal.throwIfAborted();
    this.keepWatch();
    const blocking = place.rule.blockers(ahead).map((entry) => entry.key);
    // Between the view and now an entry went. Whether it was in our way, a look will tell,
    // unless what is in our way is all ours.
    if (this.#lastRemoval > since && !this.#areOurs(blocking)) return undefined;

    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        this.#removeWaiter(waiter);
        stopFollowing();
        stopListening();
        outcome();
      };
      const waiter: Waiter = {
        key,
        place,
        since,
        blocking,
        isPassedOver: false,
        wake: (view) => settle(() => resolve(view)),
      };
      const stopFollowing = onAbort(signal, () => settle(() => reject(signal.reason)));
      const stopListening = place.onLoss(() => waiter.wake());
      this.#addWaiter(waiter);
    });
  }

  /** Whether somebody here waits for the removal of a key. */
  isAwaited(key: string): boolean {
    return this.#blocked.has(key);
  }

  /** After a removal of our own, etcd told who is first now: one of us may be let in at once. */
  handOver(next: KeyValue | undefined, revision: bigint): void {
    this.#noteRemoval(revision);
    if (!next) return;
    // Of two keys that were made at once, etcd shows either one.
    const place = this.#places.get(textOf(next.key));
    const key = place?.keys[place.queues.indexOf(this)];
    if (key !== undefined) this.#waiters.get(key)?.wake({ revision, ahead: [] });
  }

  #addWaiter(waiter: Waiter): void {
    if (this.#waiters.size === 0) this.#armLook();
    this.#waiters.set(waiter.key, waiter);
    for (const key of waiter.blocking) {
      const blocked = this.#blocked.get(key) ?? new Set();
      this.#blocked.set(key, blocked.add(waiter));
    }
  }

  #removeWaiter(waiter: Waiter): void {
    this.#waiters.delete(waiter.key);
    for (const key of waiter.blocking) {
      const blocked = this.#blocked.get(key);
      blocked?.delete(waiter);
      if (blocked?.size === 0) this.#blocked.delete(key);
    }
    if (this.#waiters.size === 0) this.#cancelLook();
  }

  /**
   * Wakes those who wait for the removal of a key: but of those who stand in each other's way,
   * as at a semaphore, only the first, since the others can't be let in before it.
   */
  #wakeBlocked(key: string): void {
    const [first, ...others] = [...(this.#blocked.get(key) ?? [])].sort(byPlace);
    if (!first) return;
    first.wake();
    for (const waiter of others) {
      if (waiter.blocking.includes(first.key)) waiter.isPassedOver = true;
      else waiter.wake();
    }
  }

  /** The turn of one of us has come: those who were passed over for it look now. */
  entered(key: string): void {
    const passedOver = [...(this.#blocked.get(key) ?? [])].filter((waiter) => waiter.isPassedOver);
    passedOver.sort(byPlace)[0]?.wake();
  }

  /**
   * Lets the first of our waiters look from time to time: old servers lose events. The
   * others stand behind it. While there is a waiter, this timer keeps the process alive.
   */
  #armLook(): void {
    const { clock, ttlMs } = this.session.options;
    this.#cancelLook = clock.setTimer(Math.min(ttlMs, 5_000), () => {
      this.#armLook();
      let first: Waiter | undefined;
      for (const waiter of this.#waiters.values()) {
        if (!first || byPlace(waiter, first) < 0) first = waiter;
      }
      first?.wake();
    });
  }

  #onStanding(revision: bigint, gapless: boolean): void {
    if (gapless) return;
    // Nobody saw what happened before. Those who wait for one of us will hear of it from us;
    // whoever waits for somebody else looks, and whoever holds asks.
    this.#noteRemoval(revision);
    for (const [key, place] of [...this.#places]) {
      const waiter = this.#waiters.get(key);
      if (!waiter) void place.recheck(key);
      else if (waiter.since < revision && !this.#areOurs(waiter.blocking)) waiter.wake();
    }
  }

  /** Whether we are the ones who will hear first that these do not stand in anybody's way any more. */
  #areOurs(keys: readonly string[]): boolean {
    return keys.every((key) => {
      const place = this.#places.get(key);
      // A writer that has become a reader has said so already.
      return place !== undefined && place.mode === place.rule.mode;
    });
  }

  #onEvents(events: readonly WatchEvent[]): void {
    for (const { type, kv } of events) {
      const key = textOf(kv.key);
      const place = this.#places.get(key);
      if (type === "put") {
        place?.wasPut(key, kv.lease, kv.modRevision);
        // A writer has become a reader.
        if (kv.version > 1n && entryOf(this.prefix, kv).isReader) {
          this.yielded(key, kv.modRevision);
        }
      } else {
        this.#noteRemoval(kv.modRevision);
        place?.wasRemoved();
        // If one of us is just leaving, the answer to that tells who is next without a look.
        if (!place?.leaving) this.#wakeBlocked(key);
      }
    }
  }

  /** Whoever stands in an entry does not stand in everybody's way any more. */
  yielded(key: string, revision: bigint): void {
    this.#noteRemoval(revision);
    this.#wakeBlocked(key);
  }

  #noteRemoval(revision: bigint): void {
    if (revision > this.#lastRemoval) this.#lastRemoval = revision;
  }
}

function byPlace(a: Waiter, b: Waiter): number {
  return byAge(a.place, b.place);
}
