import { AlreadyLockedError } from "../errors.ts";
import { attempt, type ContendOptions, contend, type Rule } from "./contend.ts";
import { Hold } from "./hold.ts";
import { checkDuration, checkFunction, checkKnown, checkSignal, checkText } from "./options.ts";
import { runWith } from "./run.ts";
import type { Sessions } from "./sessions.ts";

/** What `tryAcquire` takes. */
export interface TryAcquireOptions {
  /** Gives up when it aborts; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the lock is wanted for: at most 4,096 bytes. People who look at the queue see it. */
  readonly reason?: string | undefined;
}

/** What `acquire` and `run` take. */
export interface AcquireOptions extends TryAcquireOptions {
  /**
   * How long to wait in the queue, in milliseconds; 0 does not wait. An etcd that does not
   * answer is a different matter: see `callTimeoutMs`.
   *
   * @default Infinity
   */
  readonly waitMs?: number | undefined;
}

/**
 * Work that is done while a lock is held. It is given the hold; what it returns or throws
 * decides what `run` does.
 */
export type Work<T> = (hold: Hold) => T | Promise<T>;

/**
 * One at a time, in the order in which they asked. Only the last entry ahead is waited
 * for, so that a release wakes one waiter; when that one gives up, we look who is ahead then.
 */
const mutexRule: Rule = { lookback: 1, blockers: (ahead) => ahead };

/**
 * A named lock that one holder at a time has, in the order in which they asked: across
 * processes, hosts and languages. It excludes Go's `concurrency.Mutex` and `etcdctl lock`
 * on `locks.keyOf(name)`.
 *
 * It is not reentrant: a second `acquire` waits for the first, also in the same process.
 *
 * ```ts
 * const nightly = locks.mutex("nightly");
 * await nightly.run(async (hold) => backup({ signal: hold.signal }));
 * ```
 */
export class Mutex {
  /** The name of the lock. */
  readonly name: string;
  readonly #sessions: Sessions;

  /** @internal */
  constructor(sessions: Sessions, name: string) {
    this.#sessions = sessions;
    this.name = name;
  }

  /**
   * Waits its turn. A free lock takes one round trip.
   *
   * @throws {AlreadyLockedError} when `waitMs` is over. It says who holds it and how many wait.
   * @throws {PlaceLostError} when our place in the queue is lost before our turn has come.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws {InvalidOptionError} when an option is not what it should be.
   * @throws {ClosedError} when the client is closed.
   * @throws the reason of `signal`, when that aborts.
   */
  async acquire(options: AcquireOptions = {}): Promise<Hold> {
    checkKnown(options, ["waitMs", "signal", "reason"]);
    checkDuration("waitMs", options.waitMs);
    checkTrying(options);
    const queue = await this.#sessions.queue(this.name, options.signal);
    if (options.waitMs !== 0) return contend(queue, mutexRule, options satisfies ContendOptions);
    const outcome = await attempt(queue, options);
    if (outcome instanceof Hold) return outcome;
    throw new AlreadyLockedError(this.name, outcome);
  }

  /**
   * Takes the lock if nobody has it and nobody waits for it: one round trip. Resolves with
   * `undefined` otherwise, and leaves nothing behind.
   *
   * @throws as `acquire` does, but for `AlreadyLockedError`.
   */
  async tryAcquire(options: TryAcquireOptions = {}): Promise<Hold | undefined> {
    checkKnown(options, ["signal", "reason"]);
    checkTrying(options);
    const queue = await this.#sessions.queue(this.name, options.signal);
    const outcome = await attempt(queue, options);
    return outcome instanceof Hold ? outcome : undefined;
  }

  /**
   * Waits its turn, does `work`, and releases the lock whatever happens. Resolves with what
   * the work returns, and only if the lock was ours until its release.
   *
   * @throws {LockLostError} when the lock was lost meanwhile, with the work's `result` or
   *   `workError` on it.
   * @throws what the work throws, and what `acquire` throws.
   */
  run<T>(work: Work<T>): Promise<T>;
  /** The same, with the options of `acquire`. */
  run<T>(options: AcquireOptions | undefined, work: Work<T>): Promise<T>;
  async run<T>(...args: [Work<T>] | [AcquireOptions | undefined, Work<T>]): Promise<T> {
    const [options, work] = args.length === 1 ? [{}, args[0]] : args;
    checkFunction("work", work);
    const hold = await this.acquire(options);
    return this.#sessions.track(runWith(hold, work));
  }
}

function checkTrying(options: TryAcquireOptions): void {
  checkSignal(options.signal);
  checkText("reason", options.reason);
}
