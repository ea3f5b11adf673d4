import type { Clock } from "./clock.ts";
import { attach } from "./core/attach.ts";
import { Barrier } from "./core/barrier.ts";
import { Election } from "./core/election.ts";
import type { Identity } from "./core/entry.ts";
import { type ForceReleaseOptions, forceRelease } from "./core/force-release.ts";
import type { Hold } from "./core/hold.ts";
import { type Inspection, inspect } from "./core/inspect.ts";
import { lockKey } from "./core/keys.ts";
import { Latch, type LatchOptions } from "./core/latch.ts";
import { type ListOptions, type LockSummary, list } from "./core/list.ts";
import type { AcquireOptions, TryAcquireOptions, Work } from "./core/lock.ts";
import { Mutex } from "./core/mutex.ts";
import { type OnceOptions, type OnceOutcome, once } from "./core/once.ts";
import { checkCount, checkName, checkNames } from "./core/options.ts";
import { RwLock } from "./core/rw-lock.ts";
import { Semaphore } from "./core/semaphore.ts";
import { Sessions } from "./core/sessions.ts";
import type { Waiting } from "./core/transactor.ts";
import { type LockWatch, type WatchLockOptions, watchLock } from "./core/watch-lock.ts";
import {
  type LockManagerSnapshot,
  type LockRequestOptions,
  query,
  request,
} from "./core/web-locks.ts";
import type { Holder } from "./errors.ts";
import type { Etcd } from "./etcd/api.ts";

/** @internal */
export interface LocksOptions {
  readonly etcd: Etcd;
  readonly namespace: string;
  readonly ttlMs: number;
  readonly lockDelayMs: number;
  readonly callTimeoutMs: number;
  readonly identity: Identity;
  readonly clock: Clock;
  /** Ends the connection to etcd, when it is ours to end. */
  readonly disconnect: () => Promise<void>;
}

/**
 * A client: one connection to etcd, one session, and locks by their names. Make one for a
 * process with `connect`, and share it.
 *
 * ```ts
 * await using locks = await connect();
 * await locks.run("nightly", async (hold) => backup({ signal: hold.signal }));
 * ```
 */
export class Locks implements AsyncDisposable {
  /** What the keys of all locks in etcd begin with. */
  readonly namespace: string;
  /** The port to etcd that the client works on. It is closed with the client, unless it was passed in. */
  readonly etcd: Etcd;
  /** Where the client takes the time from. */
  readonly clock: Clock;
  readonly #sessions: Sessions;
  readonly #disconnect: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor({ etcd, disconnect, ...options }: LocksOptions) {
    this.etcd = etcd;
    this.namespace = options.namespace;
    this.clock = options.clock;
    this.#sessions = new Sessions(etcd, options);
    this.#disconnect = disconnect;
  }

  /** @internal Opens the session ahead of the first lock, so that what is wrong is known at once. */
  async open(): Promise<this> {
    try {
      await this.#sessions.session();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * The lock called `name`, to pass around. `acquire`, `tryAcquire` and `run` of this client
   * are short for those of `mutex(name)`.
   *
   * @throws {InvalidOptionError} when the name is empty, no string, or over 4,096 bytes long.
   */
  mutex(name: string): Mutex {
    checkName(name);
    return new Mutex(this.#sessions, [name]);
  }

  /**
   * The lock called `name` for readers, who share it, and writers, who do not.
   *
   * @throws {InvalidOptionError} when the name is not one.
   */
  rwLock(name: string): RwLock {
    checkName(name);
    return new RwLock(this.#sessions, name);
  }

  /**
   * The semaphore called `name`, which has `permits` permits in all, from 1 to 1,000,000.
   *
   * @throws {InvalidOptionError} when the name or the number is not one.
   */
  semaphore(name: string, permits: number): Semaphore {
    checkName(name);
    checkCount("permits", permits);
    return new Semaphore(this.#sessions, name, permits);
  }

  /**
   * The election called `name`.
   *
   * @throws {InvalidOptionError} when the name is not one.
   */
  election(name: string): Election {
    checkName(name);
    return new Election(this.#sessions, name);
  }

  /**
   * The double barrier called `name`, for `parties` parties, from 1 to 1,000,000. Each call makes
   * one party.
   *
   * @throws {InvalidOptionError} when the name or the number is not one.
   */
  barrier(name: string, parties: number): Barrier {
    checkName(name);
    checkCount("parties", parties);
    return new Barrier(this.#sessions, name, parties);
  }

  /**
   * The latch called `name`, which opens when it was counted down `count` times, from 1 to
   * 1,000,000.
   *
   * @throws {InvalidOptionError} when the name, the number or an option is not one.
   */
  latch(name: string, count: number, options?: LatchOptions): Latch {
    checkName(name);
    checkCount("count", count);
    return new Latch(this.#sessions, name, count, options);
  }

  /**
   * Does `work` if no other replica does, or has done, for the same tick: for cron jobs that
   * several replicas start at about the same time. Of those who come, the first one runs it, even
   * if their clocks differ, and even if it takes but a millisecond: the lock stays taken until
   * the tick is over, also when the process dies.
   *
   * It does not wait, and work that failed is not done again by somebody else.
   *
   * ```ts
   * cron.schedule("0 * * * *", () =>
   *   locks.once("cron/invoices", { everyMs: 3_600_000 }, async (hold) => send({ fence: hold.fencingToken })),
   * );
   * ```
   *
   * @throws {LockLostError} when the lock was lost while it worked, with the work's `result` or
   *   `workError` on it.
   * @throws what the work throws.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws {InvalidOptionError} when the name or an option is not what it should be.
   */
  async once<T>(name: string, options: OnceOptions, work: Work<T>): Promise<OnceOutcome<T>> {
    checkName(name);
    return once(this.#sessions, name, options, work);
  }

  /**
   * Takes on a hold that was detached, here or in another process: the very same, with its key
   * and token. It goes once. A detached leadership comes back as a hold that has `proclaim`,
   * that of a writer with `downgrade`.
   *
   * @throws {LockLostError} with reason `detached` when somebody else has it already, with
   *   `expired` when it waited for longer than its time.
   * @throws {InvalidOptionError} when `ticket` is not what `detach` resolved with, or is from another
   *   namespace.
   * @throws {StoreUnavailableError} when etcd does not answer. It may be lost then.
   */
  async attach(ticket: string): Promise<Hold> {
    return attach(this.#sessions, ticket);
  }

  /**
   * Who holds a lock, and who waits for it, in the order of their turns.
   *
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws the reason of `signal`, when that aborts.
   */
  async inspect(name: string, options?: Waiting): Promise<Inspection> {
    checkName(name);
    return inspect(this.#sessions, name, options);
  }

  /**
   * The locks of the namespace that somebody holds, one after another in the order of their
   * keys; there may be any number of them. What is taken or released meanwhile may be in it or not.
   *
   * ```ts
   * for await (const { name, holders, waiters } of locks.list({ prefix: "orders/" })) {
   *   console.log(name, holders[0]?.nodeId, waiters);
   * }
   * ```
   *
   * @throws {InvalidOptionError} when an option is not what it should be.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws the reason of `signal`, when that aborts.
   */
  list(options?: ListOptions): AsyncIterableIterator<LockSummary> {
    return list(this.#sessions, options);
  }

  /**
   * What happens to a lock from now on: in order, nothing twice, nothing left out, over
   * reconnections too. It ends when the client is closed, or the loop is left.
   *
   * ```ts
   * for await (const { type, nodeId } of locks.watch("nightly")) console.log(type, nodeId);
   * ```
   *
   * @throws {WatchOverrunError} when something was missed: etcd had forgotten it before we could
   *   read it, or 10,000 events wait to be read.
   * @throws the reason of `signal`, when that aborts.
   */
  watch(name: string, options?: WatchLockOptions): LockWatch {
    checkName(name);
    return watchLock(this.#sessions, name, options);
  }

  /**
   * Takes a lock away from whoever holds it: aborts the holder's signal, with a `LockLostError`
   * whose `cause` says who and why, and removes its key once it has released, or the grace is over.
   * A later holder is never hit. Who waits for the lock is let in then. Resolves with those who
   * held it.
   *
   * A holder that is no microlock client hears nothing: its key goes when the grace is over.
   *
   * ```ts
   * await locks.forceRelease("nightly", { reason: "hangs since 3 o'clock", by: "Ada" });
   * ```
   *
   * @throws {StoreUnavailableError} when etcd does not answer. The holder may have been told.
   * @throws {InvalidOptionError} when the name or an option is not what it should be.
   * @throws the reason of `signal`, when that aborts.
   */
  async forceRelease(name: string, options: ForceReleaseOptions): Promise<readonly Holder[]> {
    checkName(name);
    return forceRelease(this.#sessions, name, options);
  }

  /**
   * Does `callback` with a lock, in the shape of the Web Locks API (`navigator.locks`). The
   * callback gets the hold, or `null` with `ifAvailable` when the lock is not to be had at once.
   * Resolves with what it returns, and only if the lock was ours until its release.
   *
   * ```ts
   * await locks.request("catalogue", { mode: "shared" }, async (lock) => serve());
   * ```
   *
   * @throws as `run` does.
   */
  request<T>(name: string, callback: (lock: Hold | null) => T | Promise<T>): Promise<T>;
  /** The same, with options. */
  request<T>(
    name: string,
    options: LockRequestOptions | undefined,
    callback: (lock: Hold | null) => T | Promise<T>,
  ): Promise<T>;
  async request<T>(
    name: string,
    ...args:
      | [callback: (lock: Hold | null) => T | Promise<T>]
      | [options: LockRequestOptions | undefined, callback: (lock: Hold | null) => T | Promise<T>]
  ): Promise<T> {
    checkName(name);
    const [options = {}, callback] = args.length === 1 ? [{}, args[0]] : args;
    return request(this.#sessions, name, options, callback);
  }

  /**
   * All who hold or wait for a lock of the namespace, in the shape of the Web Locks API. It loads
   * them all at once: `list` does not.
   *
   * @throws {StoreUnavailableError} when etcd does not answer.
   */
  async query(): Promise<LockManagerSnapshot> {
    return query(this.#sessions);
  }

  /**
   * Waits its turn for a lock, or for several: all of them or none, whatever order others ask
   * for them in. A free lock takes one round trip, and so do several.
   *
   * ```ts
   * const hold = await locks.acquire("reports", { waitMs: 5_000 });
   * try {
   *   await send(report, { fence: hold.fencingToken, signal: hold.signal });
   * } finally {
   *   await hold.release();
   * }
   * ```
   *
   * While it waits for one of several, it keeps its place in the queues of the others, where
   * those who come later wait for it. Each name counts once. Etcd takes about 126 at once.
   *
   * @throws {AlreadyLockedError} when `waitMs` is over. It says who holds it and how many wait.
   * @throws {PlaceLostError} when our place in the queue is lost before our turn has come.
   * @throws {WouldDeadlockError} when the same chain of calls holds it already.
   * @throws {TooManyNamesError} when etcd does not take so many names in one transaction.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws {InvalidOptionError} when a name or an option is not what it should be.
   * @throws {ClosedError} when the client is closed.
   * @throws the reason of `signal`, when that aborts.
   */
  async acquire(name: string | readonly string[], options?: AcquireOptions): Promise<Hold> {
    return this.#mutex(name).acquire(options);
  }

  /**
   * Takes a lock, or several, if nobody has it and nobody waits for it: one round trip. Resolves
   * with `undefined` otherwise, and leaves nothing behind.
   *
   * ```ts
   * const hold = await locks.tryAcquire("cron/hourly");
   * if (!hold) return; // another replica is at it
   * ```
   *
   * @throws as `acquire` does, but for `AlreadyLockedError` and `WouldDeadlockError`.
   */
  async tryAcquire(
    name: string | readonly string[],
    options?: TryAcquireOptions,
  ): Promise<Hold | undefined> {
    return this.#mutex(name).tryAcquire(options);
  }

  /**
   * Waits its turn for a lock, or for several, does `work`, and releases whatever happens.
   * Resolves with what the work returns, and only if the lock was ours until its release.
   *
   * ```ts
   * const total = await locks.run("invoices/2026-11", async (hold) => {
   *   await db.query("update … where fence <= $1", [hold.fencingToken]);
   *   return sum(await fetch(url, { signal: hold.signal }));
   * });
   * ```
   *
   * @throws {LockLostError} when the lock was lost meanwhile, with the work's `result` or
   *   `workError` on it.
   * @throws what the work throws, and what `acquire` throws.
   */
  run<T>(name: string | readonly string[], work: Work<T>): Promise<T>;
  /** The same, with the options of `acquire`. */
  run<T>(
    name: string | readonly string[],
    options: AcquireOptions | undefined,
    work: Work<T>,
  ): Promise<T>;
  async run<T>(
    name: string | readonly string[],
    ...args: [work: Work<T>] | [options: AcquireOptions | undefined, work: Work<T>]
  ): Promise<T> {
    const mutex = this.#mutex(name);
    return args.length === 1 ? mutex.run(args[0]) : mutex.run(...args);
  }

  /**
   * The key in etcd under which everybody queues for a lock: what to pass to `etcdctl lock`,
   * or to `concurrency.NewMutex` in Go, to take turns with us.
   *
   * ```ts
   * locks.keyOf("a/b"); // "microlock/a%2Fb"
   * ```
   */
  keyOf(name: string): string {
    checkName(name);
    return lockKey(this.namespace, name);
  }

  /**
   * Ends the client. Signals of holds abort, waiters are sent away with `ClosedError`, work
   * under way in `run` gets up to one TTL to end, and what is held then is released.
   * Resolves when nothing is left: no key, lease, watch, timer or socket. Closing twice does
   * nothing.
   */
  close(): Promise<void> {
    this.#closing ??= this.#sessions.close().finally(this.#disconnect);
    return this.#closing;
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #mutex(name: string | readonly string[]): Mutex {
    if (typeof name === "string" || !Array.isArray(name)) return this.mutex(name as string);
    checkNames(name);
    return new Mutex(this.#sessions, [...new Set<string>(name)]);
  }
}
