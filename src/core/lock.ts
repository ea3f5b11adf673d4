import { AlreadyLockedError, StoreError, TooManyNamesError } from "../errors.ts";
import { heldAlready } from "./chain.ts";
import { type Ask, attempt, contend } from "./contend.ts";
import { entryValue } from "./entry.ts";
import type { Hold } from "./hold.ts";
import {
  checkDuration,
  checkFlag,
  checkFunction,
  checkKnown,
  checkSignal,
  checkSpan,
  checkText,
} from "./options.ts";
import { Place } from "./place.ts";
import type { Rule } from "./rule.ts";
import { runWith } from "./run.ts";
import type { Sessions } from "./sessions.ts";
import type { PositionListener } from "./tell-position.ts";

/** What `tryAcquire` takes. */
export interface TryAcquireOptions {
  /** Gives up when it aborts; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the lock is wanted for: at most 4,096 bytes. People who look at the queue see it. */
  readonly reason?: string | undefined;
  /**
   * Whether to join in when the same chain of calls holds the lock already, by a `run` further
   * up. The lock is let go of when all that joined have released. Without it such a call fails
   * at once (`WOULD_DEADLOCK`), since it would wait for itself. It goes up the chain of calls and
   * of what they started: a timer that was set within `run` belongs to it.
   *
   * @default false
   */
  readonly reentrant?: boolean | undefined;
  /**
   * How long nobody else gets in, in milliseconds, after the hold was lost, unless `release` says
   * earlier that the work has stopped. Without it the next one is in as soon as the key is gone, by
   * `forceRelease`, an administrator or a lease that was ended, while the work may need a moment to
   * notice.
   *
   * From the loss on, as `signal` tells it, etcd keeps others out for that long at the least, and at
   * the most for `ttlMs` and `lockDelayMs` longer, also when the process dies. It takes a key more in
   * each queue, and a lease that is renewed: one round trip more to get in. Whoever takes that key
   * away ends the hold. A call that joins in (`reentrant`) has no say in it, and `detach` ends it.
   *
   * @default 0: nobody is kept out
   */
  readonly lingerMs?: number | undefined;
  /**
   * How long nobody else gets in, in milliseconds, from when this hold has begun, however soon it is
   * released. `release` does not wait for that, and the process may exit: what keeps others out then
   * stands by itself, in whole seconds by etcd. While the client is there, it ends in time. If the
   * process dies, or the hold is lost, `ttlMs` and `lingerMs` are what counts.
   *
   * It costs what `lingerMs` costs, and one round trip more for a release before that time.
   *
   * @default 0
   */
  readonly minHoldMs?: number | undefined;
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
  /**
   * Is called while it waits, at first and whenever something changes: with the position among
   * the waiters, 1 for whoever is next, and with who stands first. What it throws ends the wait.
   */
  readonly onWait?: PositionListener | undefined;
}

/**
 * Work that is done while a lock is held. It is given the hold; what it returns or throws
 * decides what `run` does.
 */
export type Work<T, H extends Hold = Hold> = (hold: H) => T | Promise<T>;

/** What makes one kind of lock. */
export interface LockKind<H extends Hold, O extends AcquireOptions> {
  readonly names: readonly string[];
  /** What options it takes besides those that all take. */
  readonly options?: readonly (keyof O & string)[];
  /** What its entries say, if not who asks. */
  readonly value?: Uint8Array;
  /** Checks those, and says who stands in the way. */
  rule(options: O): Rule;
  /** What to give to whoever holds. */
  hold(place: Place): H;
}

const tryOptions = ["signal", "reason", "reentrant", "lingerMs", "minHoldMs"];

/**
 * A lock by its name: how to get it, whichever kind it is. Holders get in in the order in which
 * they asked, across processes, hosts and languages.
 */
export class Lock<H extends Hold = Hold, O extends AcquireOptions = AcquireOptions> {
  /** The name of the lock; of several, all names with commas between them. */
  readonly name: string;
  readonly #sessions: Sessions;
  readonly #kind: LockKind<H, O>;

  /** @internal */
  constructor(sessions: Sessions, kind: LockKind<H, O>) {
    this.#sessions = sessions;
    this.#kind = kind;
    this.name = kind.names.join(", ");
  }

  /**
   * Waits its turn. A free lock takes one round trip.
   *
   * @throws {AlreadyLockedError} when `waitMs` is over. It says who holds it and how many wait.
   * @throws {PlaceLostError} when our place in the queue is lost before our turn has come.
   * @throws {WouldDeadlockError} when the same chain of calls holds it already.
   * @throws {DisagreementError} when others go by another number of permits.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws {InvalidOptionError} when an option is not what it should be.
   * @throws {ClosedError} when the client is closed.
   * @throws the reason of `signal`, when that aborts.
   */
  async acquire(options: O = {} as O): Promise<H> {
    this.#check(options, [...tryOptions, "waitMs", "onWait"]);
    checkDuration("waitMs", options.waitMs);
    if (options.onWait !== undefined) checkFunction("onWait", options.onWait);
    const ask = await this.#ask(options);
    const held = heldAlready(ask.queues, ask.rule.mode, options.reentrant === true);
    if (held) return this.#kind.hold(held);
    if (options.waitMs !== 0) {
      return this.#kind.hold(await this.#asMany(() => contend(ask, options)));
    }
    const outcome = await this.#asMany(() => attempt(ask, options));
    if (outcome instanceof Place) return this.#kind.hold(outcome);
    throw new AlreadyLockedError(outcome.name, outcome);
  }

  /**
   * Takes the lock if nobody is in the way, neither a holder nor a waiter: one round trip when
   * nobody is there at all. Resolves with `undefined` otherwise, and leaves nothing behind.
   *
   * @throws as `acquire` does, but for `AlreadyLockedError` and `WouldDeadlockError`.
   */
  async tryAcquire(options: Omit<O, "waitMs" | "onWait"> = {} as O): Promise<H | undefined> {
    this.#check(options as O, tryOptions);
    const ask = await this.#ask(options as O);
    if (options.reentrant) {
      const held = heldAlready(ask.queues, ask.rule.mode, true);
      if (held) return this.#kind.hold(held);
    }
    const outcome = await this.#asMany(() => attempt(ask, options));
    return outcome instanceof Place ? this.#kind.hold(outcome) : undefined;
  }

  /**
   * Waits its turn, does `work`, and releases the lock whatever happens. Resolves with what
   * the work returns, and only if the lock was ours until its release.
   *
   * @throws {LockLostError} when the lock was lost meanwhile, with the work's `result` or
   *   `workError` on it.
   * @throws what the work throws, and what `acquire` throws.
   */
  run<T>(work: Work<T, H>): Promise<T>;
  /** The same, with the options of `acquire`. */
  run<T>(options: O | undefined, work: Work<T, H>): Promise<T>;
  async run<T>(...args: [Work<T, H>] | [O | undefined, Work<T, H>]): Promise<T> {
    const [options, work] = args.length === 1 ? [undefined, args[0]] : args;
    checkFunction("work", work);
    const hold = await this.acquire(options);
    return this.#sessions.track(runWith(hold, work));
  }

  #check(options: O, known: readonly string[]): void {
    checkKnown(options, [...known, ...(this.#kind.options ?? [])]);
    checkSignal(options.signal);
    checkText("reason", options.reason);
    checkFlag("reentrant", options.reentrant);
    checkSpan("lingerMs", options.lingerMs, 0);
    checkSpan("minHoldMs", options.minHoldMs, 0);
  }

  /** Says it in other words when etcd finds that there are too many names. */
  async #asMany<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const { length } = this.#kind.names;
      const isTooMany = error instanceof StoreError && /too many operations/.test(error.message);
      throw isTooMany && length > 1 ? new TooManyNamesError(length, { cause: error }) : error;
    }
  }

  async #ask(options: O): Promise<Ask> {
    const rule = this.#kind.rule(options);
    const queues = await this.#sessions.queues(this.#kind.names, options.signal);
    const { identity, clock } = this.#sessions.options;
    const { value = entryValue(identity, clock.wallTime(), options) } = this.#kind;
    const { lingerMs = 0, minHoldMs = 0 } = options;
    if (lingerMs === 0 && minHoldMs === 0) return { queues, rule, value };
    const { closed } = this.#sessions;
    return { queues, rule, value, lingering: { value, lingerMs, minHoldMs, closed } };
  }
}
