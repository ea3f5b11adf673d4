import { attach } from "./core/attach.ts";
import { type ForceReleaseOptions, forceRelease } from "./core/force-release.ts";
import type { Hold } from "./core/hold.ts";
import { type Inspection, inspect } from "./core/inspect.ts";
import { type ListOptions, type LockSummary, list, type NamedQueue, queues } from "./core/list.ts";
import type { Work } from "./core/lock.ts";
import { type OnceOptions, type OnceOutcome, once } from "./core/once.ts";
import { checkName, isRecord } from "./core/options.ts";
import type { Waiting } from "./core/requester.ts";
import type { Sessions } from "./core/sessions.ts";
import { type UntilFreeOptions, untilFree } from "./core/until-free.ts";
import {
  type LockWatch,
  type WatchLockOptions,
  type WatchLocksOptions,
  watchLock,
  watchLocks,
} from "./core/watch-lock.ts";
import {
  type LockManagerSnapshot,
  type LockRequestOptions,
  query,
  type RequestedHold,
  request,
} from "./core/web-locks.ts";
import type { Holder } from "./errors.ts";

/** What a client does with locks besides waiting for them: see `Locks`. */
export class Operations {
  readonly #sessions: Sessions;

  /** @internal */
  constructor(sessions: Sessions) {
    this.#sessions = sessions;
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
   * @throws {ClosedError} when the client is closed.
   * @throws the reason of `signal`, when that aborts before the work has begun.
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
   * ```ts
   * await using hold = await locks.attach(ticket); // what hold.detach() resolved with, over there
   * ```
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
   * ```ts
   * const { holders, waiters } = await locks.inspect("nightly");
   * console.log(holders[0]?.nodeId, holders[0]?.since, waiters.length);
   * ```
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

  /** @internal The same, with all who stand in their queues: for the command line. */
  queues(options?: ListOptions): AsyncIterableIterator<NamedQueue> {
    return queues(this.#sessions, options);
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
  watch(name: string, options?: WatchLockOptions): LockWatch;
  /**
   * The same of all locks of the namespace, or of those whose names begin with `prefix`: by one
   * watch, which keeps who stands in their queues in memory. Each event has the `name` of its lock.
   *
   * ```ts
   * for await (const { type, name } of locks.watch({ prefix: "orders/" })) console.log(type, name);
   * ```
   */
  watch(options?: WatchLocksOptions): LockWatch;
  watch(...args: readonly unknown[]): LockWatch {
    const [name, options] = args;
    if (args.length === 0) return watchLocks(this.#sessions);
    if (isRecord(name)) return watchLocks(this.#sessions, name as WatchLocksOptions);
    checkName(name);
    return watchLock(this.#sessions, name, options as WatchLockOptions | undefined);
  }

  /**
   * Waits until nobody holds a lock nor waits for it, and does not take it: to begin when a
   * migration is over, say. In the next moment somebody may have it again.
   *
   * ```ts
   * await locks.untilFree("migration", { waitMs: 60_000 });
   * ```
   *
   * @throws {AlreadyLockedError} when `waitMs` is over. It says who holds it and how many wait.
   * @throws {StoreUnavailableError} when etcd does not answer at first. Later it goes on waiting.
   * @throws {ClosedError} when the client is closed.
   * @throws the reason of `signal`, when that aborts.
   */
  async untilFree(name: string, options?: UntilFreeOptions): Promise<void> {
    checkName(name);
    return untilFree(this.#sessions, name, options);
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
  request<T>(name: string, callback: (lock: RequestedHold | null) => T | Promise<T>): Promise<T>;
  /** The same, with options. */
  request<T>(
    name: string,
    options: LockRequestOptions | undefined,
    callback: (lock: RequestedHold | null) => T | Promise<T>,
  ): Promise<T>;
  async request<T>(
    name: string,
    ...args:
      | [callback: (lock: RequestedHold | null) => T | Promise<T>]
      | [
          options: LockRequestOptions | undefined,
          callback: (lock: RequestedHold | null) => T | Promise<T>,
        ]
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
}
