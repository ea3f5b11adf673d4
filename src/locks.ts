import type { Clock } from "./clock.ts";
import { Barrier } from "./core/barrier.ts";
import { Election } from "./core/election.ts";
import type { Identity } from "./core/entry.ts";
import type { Hold } from "./core/hold.ts";
import { lockKey } from "./core/keys.ts";
import { Latch, type LatchOptions } from "./core/latch.ts";
import type { AcquireOptions, TryAcquireOptions, Work } from "./core/lock.ts";
import { Mutex } from "./core/mutex.ts";
import { checkCount, checkName, checkNames } from "./core/options.ts";
import { RwLock } from "./core/rw-lock.ts";
import { Semaphore } from "./core/semaphore.ts";
import type { KeepAlive } from "./core/session.ts";
import { Sessions } from "./core/sessions.ts";
import type { Etcd } from "./etcd/api.ts";
import { Operations } from "./operations.ts";

/** @internal */
export interface LocksOptions {
  readonly etcd: Etcd;
  readonly namespace: string;
  readonly ttlMs: number;
  readonly lockDelayMs: number;
  readonly callTimeoutMs: number;
  readonly strict: boolean;
  readonly keepAlive: KeepAlive | undefined;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly newLeaseId: () => bigint;
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
export class Locks extends Operations implements AsyncDisposable {
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
    const sessions = new Sessions(etcd, options);
    super(sessions);
    this.etcd = etcd;
    this.namespace = options.namespace;
    this.clock = options.clock;
    this.#sessions = sessions;
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
