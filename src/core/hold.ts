import { LockLostError } from "../errors.ts";
import type { RequestOp } from "../etcd/api.ts";
import { bytesOf } from "./keys.ts";
import { type LossSignal, lossSignal } from "./loss-signal.ts";
import { checkKey, checkValue, checkWaiting } from "./options.ts";
import { EntryLostError, type Place } from "./place.ts";
import type { Waiting } from "./transactor.ts";

// A hold that is over before this needs no watch on its key; one that lasts longer hears of
// the removal of its key within 50 ms from the start.
const watchAfterMs = 20;

/**
 * Proof that a lock was won. It is good until `release` is called or `signal` aborts.
 *
 * It ends on our side before etcd lets anyone else in: `held` is computed from the
 * monotonic clock when it is asked for, so it is right even after the process was stopped
 * or blocked for longer than the lock lives. What no client can know in time, such as a
 * pause between `held` and the write after it, only the fencing token catches.
 *
 * ```ts
 * const hold = await locks.acquire("invoices/2026-11");
 * try {
 *   await db.query("update … where fence < $1", [hold.fencingToken]);
 *   await fetch(url, { signal: hold.signal });
 * } finally {
 *   await hold.release();
 * }
 * ```
 */
export class Hold implements AsyncDisposable {
  /** The name of the lock. */
  readonly name: string;
  /** The key in etcd that is ours while we hold. */
  readonly key: string;
  /**
   * Larger than that of every earlier holder of this lock: the create revision of `key`.
   * Send it along to whatever the lock protects, and let that refuse smaller ones.
   */
  readonly fencingToken: bigint;
  readonly #place: Place;
  readonly #cancelWatch: () => void;
  #signal: LossSignal | undefined;
  #lost: LockLostError | undefined;
  #releasing: Promise<void> | undefined;
  #released = false;

  /** @internal */
  constructor(place: Place) {
    const { queue } = place;
    this.name = queue.name;
    this.key = place.key;
    this.fencingToken = place.createRevision;
    this.#place = place;
    this.#cancelWatch = queue.session.options.clock.setTimer(
      watchAfterMs,
      () => queue.keepWatch(),
      { keepsProcessAlive: false },
    );
    place.onLoss(() => this.#look());
  }

  /**
   * Aborts when the lock is lost, with a `LockLostError` as its reason. Pass it to the work
   * that needs the lock. A release does not abort it.
   */
  get signal(): AbortSignal {
    if (!this.#signal) {
      this.#signal = lossSignal(() => this.#look());
      const lost = this.#look();
      if (lost) this.#signal.abort(lost);
    }
    return this.#signal.signal;
  }

  /** Whether the lock is ours: neither released nor lost, as far as can be known in this moment. */
  get held(): boolean {
    return !this.#releasing && !this.#look();
  }

  /**
   * Does nothing while the lock is ours.
   *
   * @throws {LockLostError} when it was lost or released.
   */
  assertHeld(): void {
    const lost = this.#look();
    if (lost) throw lost;
    if (this.#releasing) throw new LockLostError(this.name, "released");
  }

  /**
   * Asks etcd whether the lock is still ours, through consensus: one round trip. What comes
   * true a moment later, it cannot know.
   *
   * @throws {LockLostError} when it is not ours any more.
   * @throws {StoreUnavailableError} when etcd does not answer in time.
   * @throws the reason of `signal`, when that aborts.
   */
  async verify(options: Waiting = {}): Promise<void> {
    checkWaiting(options);
    this.assertHeld();
    await this.#asHolder(() => this.#place.verify(options));
  }

  /**
   * Puts a key in etcd, in one transaction with the check that the lock is ours. The key is
   * taken as it is, without a namespace.
   *
   * @throws {LockLostError} when the lock is not ours any more. Nothing is written then.
   * @throws {StoreUnavailableError} when etcd does not answer in time. The key may have been put.
   */
  async put(key: string, value: string | Uint8Array, options: Waiting = {}): Promise<void> {
    checkKey(key);
    checkValue(value);
    const bytes = typeof value === "string" ? bytesOf(value) : value;
    await this.#write({ op: "put", request: { key: bytesOf(key), value: bytes } }, options);
  }

  /**
   * Deletes a key in etcd, if it is there, in one transaction with the check that the lock
   * is ours. The key is taken as it is, without a namespace.
   *
   * @throws {LockLostError} when the lock is not ours any more. Nothing is deleted then.
   * @throws {StoreUnavailableError} when etcd does not answer in time. The key may be gone.
   */
  async delete(key: string, options: Waiting = {}): Promise<void> {
    checkKey(key);
    await this.#write({ op: "deleteRange", request: { key: bytesOf(key) } }, options);
  }

  /**
   * Lets go of the lock, and lets the next one in: one round trip. Releasing again does
   * nothing, and ends as the first release did.
   *
   * @throws {LockLostError} when the lock had been lost before: the work may have overlapped
   *   with that of another holder.
   * @throws {StoreUnavailableError} when etcd does not answer in time. The removal of the key
   *   is then tried further in the background, until the lease ends.
   */
  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  /** The same as `release`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #release(): Promise<void> {
    this.#cancelWatch();
    const lost = this.#look();
    // A client that is being closed still lets go in an orderly way.
    if (lost && lost.reason !== "closed") throw lost;
    await this.#asHolder(() => this.#place.release());
    this.#released = true;
  }

  async #write(op: RequestOp, options: Waiting): Promise<void> {
    checkWaiting(options);
    this.assertHeld();
    const step = { compare: this.#place.guard, success: [op], otherwise: [] };
    const session = this.#place.queue.session;
    const { succeeded } = await this.#asHolder(() => session.commit(step, options));
    if (succeeded) return;
    // This finds out why it is not ours any more, and throws it.
    await this.#asHolder(() => this.#place.verify(options));
    throw new LockLostError(this.name, this.#releasing ? "released" : "deleted");
  }

  /** Runs a request that fails in its own way when the lock is not ours any more. */
  async #asHolder<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const lost = this.#look();
      if (lost) throw lost;
      // It went by a release of ours that was under way.
      throw error instanceof EntryLostError ? new LockLostError(this.name, "released") : error;
    }
  }

  #look(): LockLostError | undefined {
    if (this.#lost) return this.#lost;
    const loss = this.#released ? undefined : this.#place.loss;
    if (!loss) return undefined;
    this.#cancelWatch();
    this.#lost = new LockLostError(this.name, loss.reason, { cause: loss.cause });
    this.#signal?.abort(this.#lost);
    return this.#lost;
  }
}
