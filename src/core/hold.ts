import { LockLostError } from "../errors.ts";
import type { Compare, RequestOp, TxnRequest, TxnResult } from "../etcd/api.ts";
import { onAbort } from "../signals.ts";
import { detached } from "./detached.ts";
import { EntryLostError } from "./entry-lost-error.ts";
import { type GuardedTxn, guardedTxn, isRepeatable } from "./guarded-txn.ts";
import { leaveBehind } from "./hand-over.ts";
import { bytesOf } from "./keys.ts";
import { release } from "./leave.ts";
import { type LossSignal, lossSignal } from "./loss-signal.ts";
import type { Mode } from "./mode.ts";
import { checkBytes, checkKey, checkKnown, checkSpan, checkWaiting } from "./options.ts";
import type { Place } from "./place.ts";
import { madeAt } from "./queue-requests.ts";
import { checkSize } from "./request-size.ts";
import type { Waiting } from "./requester.ts";
import { SessionGoneError } from "./session-gone-error.ts";
import type { Step } from "./transactor.ts";

// A hold that is over before this needs no watch on its key; one that lasts longer hears of
// the removal of its key within 50 ms from the start.
const watchAfterMs = 20;

/** What `hold.detach` takes. */
export interface DetachOptions {
  /**
   * How long, in milliseconds, the lock waits to be attached. It goes to the next waiter after
   * that. Etcd counts in whole seconds.
   *
   * @default `ttlMs` of the client
   */
  readonly ttlMs?: number | undefined;
}

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
 *   await db.query("update … where fence <= $1", [hold.fencingToken]);
 *   await fetch(url, { signal: hold.signal });
 * } finally {
 *   await hold.release();
 * }
 * ```
 */
export class Hold implements AsyncDisposable {
  /** The name of the lock; of several, all names with commas between them. */
  readonly name: string;
  /** The names of all locks that are held by it, each once. */
  readonly names: readonly string[];
  /** The key in etcd that is ours while we hold; of several, the first. */
  readonly key: string;
  /** The keys in etcd that are ours while we hold, one for each of `names`. */
  readonly keys: readonly string[];
  /**
   * Larger than that of every earlier holder of this lock: the create revision of `key`, and of
   * all `keys`. Send it along to whatever the lock protects, and let that refuse smaller ones.
   */
  readonly fencingToken: bigint;
  readonly #place: Place;
  readonly #stop: AbortSignal | undefined;
  readonly #cancelWatch: () => void;
  #unfollow: () => void = () => {};
  #signal: LossSignal | undefined;
  #lost: LockLostError | undefined;
  #releasing: Promise<void> | undefined;
  #over: "released" | "detached" | undefined;

  /** @internal `stop` aborts the signal as well, though the lock is ours still. */
  constructor(place: Place, stop?: AbortSignal | undefined) {
    this.names = place.queues.map(({ name }) => name);
    this.name = this.names.join(", ");
    this.keys = place.keys;
    this.key = place.keys[0] ?? "";
    this.fencingToken = place.createRevision;
    this.#place = place;
    place.share();
    this.#stop = stop;
    this.#cancelWatch = place.session.options.clock.setTimer(
      watchAfterMs,
      () => {
        for (const queue of place.queues) queue.keepWatch();
      },
      { keepsProcessAlive: false },
    );
    place.onLoss(() => this.#look());
  }

  /** @internal Where it stands. */
  get place(): Place {
    return this.#place;
  }

  /** How it is held: `read` and `permits` with others, all else alone. */
  get mode(): Mode["kind"] {
    return this.#place.mode.kind;
  }

  /**
   * Aborts when the lock is lost, with a `LockLostError` as its reason. Pass it to the work
   * that needs the lock. A release does not abort it.
   */
  get signal(): AbortSignal {
    if (!this.#signal) {
      const signal = lossSignal(() => this.#look());
      this.#signal = signal;
      const lost = this.#look();
      if (lost) signal.abort(lost);
      const stop = this.#stop;
      if (stop) this.#unfollow = onAbort(stop, () => signal.abort(stop.reason));
    }
    return this.#signal.signal;
  }

  /** Whether the lock is ours: neither released nor lost, as far as can be known in this moment. */
  get held(): boolean {
    return !this.#releasing && !this.#look();
  }

  /**
   * How long the lock is ours if nothing is renewed any more, in milliseconds by the clock of this
   * process: 0 once it was lost or released. While etcd answers, it grows again with each renewal.
   */
  get remainingMs(): number {
    return this.held ? this.#place.remainingMs : 0;
  }

  /**
   * The lease of the session, which the keys hang on. When etcd has another leader, the session moves
   * to a fresh one, along with all that hangs on it: ask again before you hang something of your own
   * on it.
   */
  get lease(): bigint {
    return this.#place.session.lease;
  }

  /**
   * Does nothing while the lock is ours.
   *
   * @throws {LockLostError} when it was lost or released.
   */
  assertHeld(): void {
    const lost = this.#look();
    if (lost) throw lost;
    if (this.#releasing) throw new LockLostError(this.name, this.#over ?? "released");
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
    checkBytes("value", value);
    const bytes = typeof value === "string" ? bytesOf(value) : value;
    await this.#change([{ op: "put", request: { key: bytesOf(key), value: bytes } }], options);
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
    await this.#change([{ op: "deleteRange", request: { key: bytesOf(key) } }], options);
  }

  /**
   * Carries out a transaction of your own, in one with the check that the lock is ours: your
   * `success` if all of your `compare` hold, else your `failure`. It happens once at the most: if
   * an answer gets lost, it is asked again only where that comes to the same, as for puts without
   * `compare`. Keys are taken as they are, without a namespace.
   *
   * ```ts
   * const { succeeded } = await hold.txn({
   *   compare: [{ key: "balance", target: "value", result: "equal", operand: "10" }],
   *   success: [{ op: "put", request: { key: "balance", value: "7" } }],
   *   failure: [{ op: "range", request: { key: "balance" } }],
   * });
   * ```
   *
   * @throws {LockLostError} when the lock is not ours any more. Nothing is written then.
   * @throws {StoreUnavailableError} when etcd does not answer in time. It may have been carried out.
   */
  async txn(request: GuardedTxn, options: Waiting = {}): Promise<TxnResult> {
    const inner: TxnRequest = guardedTxn(request);
    const isOnce = !isRepeatable(inner);
    const [response] = await this.#change([{ op: "txn", request: inner }], options, isOnce);
    return response?.op === "txn" ? response.response : { succeeded: false, responses: [] };
  }

  /**
   * What holds in etcd for as long as the lock is ours: for a transaction through another client
   * of etcd, or through another hold. Compare, in the words of that client, the create revision
   * of each `key` with `operand`.
   */
  get guard(): readonly (Compare & { readonly target: "createRevision" })[] {
    return madeAt(this.#place.own.spots, this.fencingToken);
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

  /**
   * Lets go of the lock without letting anybody in: whoever passes the string that it resolves
   * with to `attach`, in this process or another one, holds it on, with the same key and token.
   * That goes once. Until then it stands there for `ttlMs`, whatever becomes of this process.
   * `held` is false from the moment of the call, and a release does nothing.
   *
   * ```ts
   * const ticket = await hold.detach();
   * child.send(ticket); // over there: const hold = await locks.attach(ticket)
   * ```
   *
   * @throws {LockLostError} when the lock is not ours any more.
   * @throws {StoreUnavailableError} when etcd does not answer in time. The lock is given up then.
   */
  async detach(options: DetachOptions = {}): Promise<string> {
    checkKnown(options, ["ttlMs"]);
    checkSpan("ttlMs", options.ttlMs);
    this.assertHeld();
    const { ttlMs = this.#place.session.options.ttlMs } = options;
    this.#cancelWatch();
    this.#over = "detached";
    const lease = this.#asHolder(() => leaveBehind(this.#place, ttlMs));
    this.#releasing = lease.then(() => {});
    // Whoever releases it hears of it as well; who does not need not.
    this.#releasing.catch(() => {});
    return detached(this.#place, await lease);
  }

  /** The same as `release`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /**
   * @internal Writes another value into the key that is ours.
   *
   * @throws {LockLostError} when the lock is not ours any more.
   */
  async rewrite(value: Uint8Array, options: Waiting = {}): Promise<bigint> {
    checkWaiting(options);
    this.assertHeld();
    return this.#asHolder(() => this.#place.rewrite(value, options));
  }

  async #release(): Promise<void> {
    this.#cancelWatch();
    this.#unfollow();
    const lost = this.#look();
    // A client that is being closed still lets go in an orderly way.
    if (lost && lost.reason !== "closed") {
      // Of several, the others are still there; so is one that is being taken away.
      this.#place.abandon();
      throw lost;
    }
    await this.#asHolder(() => release(this.#place));
    this.#over = "released";
  }

  async #change(
    ops: readonly RequestOp[],
    options: Waiting,
    isOnce = false,
  ): Promise<TxnResult["responses"]> {
    checkWaiting(options);
    checkSize(ops);
    this.assertHeld();
    const { session } = this.#place;
    const step = (): Step => ({
      compare: this.#place.guard,
      success: ops,
      otherwise: [],
      isOnce,
    });
    const { succeeded, responses } = await this.#asHolder(() => session.commit(step, options));
    if (succeeded) return responses;
    // This finds out why it is not ours any more, and throws it.
    await this.#asHolder(() => this.#place.verify(options));
    throw new LockLostError(this.name, this.#over ?? (this.#releasing ? "released" : "deleted"));
  }

  /** Runs a request that fails in its own way when the lock is not ours any more. */
  async #asHolder<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const lost = this.#look();
      if (lost) throw lost;
      const isGone = error instanceof SessionGoneError;
      if (!isGone && !(error instanceof EntryLostError)) throw error;
      // It went by something of ours that was under way.
      const isOurs = isGone || error.reason === "released";
      throw new LockLostError(this.name, isOurs ? (this.#over ?? "released") : error.reason);
    }
  }

  #look(): LockLostError | undefined {
    if (this.#lost) return this.#lost;
    const loss = this.#over ? undefined : this.#place.loss;
    if (!loss) return undefined;
    this.#cancelWatch();
    this.#lost = new LockLostError(this.name, loss.reason, { cause: loss.cause });
    this.#signal?.abort(this.#lost);
    return this.#lost;
  }
}
