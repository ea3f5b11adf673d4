import { type Clock, sleep, within } from "../clock.ts";
import { ClosedError, type LossReason, StoreUnavailableError } from "../errors.ts";
import type { CallOptions, Etcd, TxnRequest, TxnResponse, Watch } from "../etcd/api.ts";
import { attemptMs, isRefusal, isUndecided } from "./attempts.ts";
import { entryValue, type Identity } from "./entry.ts";
import { bytesOf, sessionKey } from "./keys.ts";
import { type GrantedLease, LeaseKeeper } from "./lease-keeper.ts";
import { infixOf, type Mode } from "./mode.ts";
import { ownRange } from "./revocation.ts";
import { Revocations } from "./revocations.ts";
import { steadyWatch } from "./steady-watch.ts";
import { Terms } from "./terms.ts";
import { type Step, type StepResult, Transactor, type Waiting } from "./transactor.ts";
import { UnderWay } from "./under-way.ts";

/** What a session is opened with. */
export interface SessionOptions {
  readonly namespace: string;
  readonly ttlMs: number;
  /** How long nobody gets in, at the least, after a hold that ended without a release. */
  readonly lockDelayMs: number;
  /** How long a call keeps asking when etcd does not answer. */
  readonly callTimeoutMs: number;
  readonly identity: Identity;
  readonly clock: Clock;
  /** Draws an id for a lease that nobody else will draw. */
  readonly newLeaseId: () => bigint;
}

/** How hard to try to open a session. */
export interface Opening {
  /** Whether an etcd that cannot be reached is asked again, for `callTimeoutMs`. */
  readonly patient?: boolean;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
}

/** Why a session is no more. */
export interface Loss {
  readonly reason: LossReason;
  readonly cause?: unknown;
}

// Between two attempts to open a session when the first one failed at once.
const pauseMs = 100;

/**
 * Our side of a lease: everything we put into etcd hangs on it, and goes with it.
 *
 * It is lost when its lease can no longer be relied on; whatever hung on it is lost then,
 * for good. It keeps a key of its own in etcd, by which others can see it, and by which
 * its transactions are told from those of another time (see `Transactor`).
 */
export class Session {
  readonly etcd: Etcd;
  readonly options: SessionOptions;
  /** The lease that entries are bound to. */
  readonly lease: bigint;
  /** Names the session in keys. It stays, should the session move to another lease. */
  readonly id: string;
  /** The session's own key. */
  readonly key: Uint8Array;
  /** Who wants back what is held here. */
  readonly revocations: Revocations = new Revocations();
  readonly #terms = new Terms();
  readonly #keeper: LeaseKeeper;
  readonly #transactor: Transactor;
  readonly #watch: Watch;
  readonly #lossListeners = new Set<(loss: Loss) => void>();
  readonly #underWay = new UnderWay();
  #loss: Loss | undefined;
  #closing: Promise<void> | undefined;
  #entries = 0;
  #hasUnreleased = false;

  /**
   * Opens a lease and puts the session's key under it: two round trips. An etcd that is
   * choosing a leader is given time; so is one that cannot be reached, if `patient`.
   *
   * @throws {StoreError} when etcd refuses, or does not answer. Nothing is left then, or for
   *   one TTL at the most.
   * @throws the reason of `signal`, when that aborts.
   */
  static async open(
    etcd: Etcd,
    options: SessionOptions,
    { patient = false, signal }: Opening = {},
  ): Promise<Session> {
    const { clock, callTimeoutMs, ttlMs, lockDelayMs } = options;
    const giveUpAt = clock.now() + callTimeoutMs;
    // Etcd counts in whole seconds.
    const ttl = Math.ceil((ttlMs + lockDelayMs) / 1_000);
    for (;;) {
      const askedAt = clock.now();
      const timeoutMs = Math.min(attemptMs(ttlMs), giveUpAt - askedAt);
      try {
        return await Session.#openOnce(etcd, options, BigInt(ttl), { timeoutMs, signal });
      } catch (error) {
        const isPassing = patient ? error instanceof StoreUnavailableError : isUndecided(error);
        if (!isPassing || clock.now() + pauseMs >= giveUpAt) throw error;
        await sleep(clock, askedAt + pauseMs - clock.now(), signal);
      }
    }
  }

  static async #openOnce(
    etcd: Etcd,
    options: SessionOptions,
    ttl: bigint,
    call: CallOptions,
  ): Promise<Session> {
    // An id of our own, so that a lease can be ended even if its grant got no answer.
    const id = options.newLeaseId();
    let mayExist = true;
    try {
      const askedAt = options.clock.now();
      const granted = await etcd.leaseGrant({ id, ttl }, call).catch((error: unknown) => {
        mayExist = !isRefusal(error);
        throw error;
      });
      const key = bytesOf(sessionKey(options.namespace, id));
      const value = entryValue(options.identity, options.clock.wallTime());
      const { header } = await etcd.txn(
        { success: [{ op: "put", request: { key, value, lease: id } }] },
        call,
      );
      const { lockDelayMs: delayMs } = options;
      const ttlMs = Number(granted.ttl) * 1_000 - delayMs;
      const lease = { id, askedAt, ttlMs, delayMs, raftTerm: header.raftTerm };
      return new Session(etcd, options, lease, key, header);
    } catch (error) {
      // If this gets no answer, the lease ends by itself.
      const { timeoutMs } = call;
      // Who is refused may well close the client next, and an etcd that refuses does answer.
      const isRefused = isRefusal(error);
      // What is waited for keeps the process alive: else it would end before it is told.
      const revoke = () => etcd.leaseRevoke(id, { timeoutMs, keepsProcessAlive: isRefused });
      const revoked = mayExist && revoke().catch(() => {});
      if (isRefused) await revoked;
      throw error;
    }
  }

  private constructor(
    etcd: Etcd,
    options: SessionOptions,
    lease: GrantedLease,
    key: Uint8Array,
    put: TxnResponse["header"],
  ) {
    const { clock, callTimeoutMs } = options;
    this.etcd = etcd;
    this.options = options;
    this.lease = lease.id;
    this.id = lease.id.toString(16);
    this.key = key;
    const onLost = (reason: LossReason, cause?: unknown): void => this.#keeper.lose(reason, cause);
    this.#keeper = this.keepAlive(lease, (reason, cause) => this.#end({ reason, cause }));
    this.#transactor = new Transactor({
      etcd,
      clock,
      key,
      put,
      lease: lease.id,
      attemptMs: attemptMs(lease.ttlMs),
      callTimeoutMs,
      onHeader: ({ raftTerm }) => this.#keeper.witness(raftTerm),
      onLost,
    });
    const range = ownRange(key);
    this.#watch = steadyWatch(etcd, clock, range, {
      // Whatever the watch missed, a lost session among it, this finds out. If nobody
      // answers, the deadline of the lease decides.
      onStanding: () => {
        const confirming = this.#transactor.confirm(range);
        void confirming.then((kvs) => kvs.map((kv) => this.revocations.hear(kv))).catch(() => {});
      },
      onEvents: (events) => {
        for (const { type, kv } of events) {
          const isOwn = Buffer.compare(kv.key, key) === 0;
          if (!isOwn) this.revocations.hear(kv, type);
          else if (type === "delete") onLost("revoked");
          else if (kv.lease !== this.lease) onLost("overwritten");
        }
      },
    });
  }

  /** Why the session is lost, or undefined while it is not. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    return this.#keeper.lost ? this.#loss : undefined;
  }

  /** When the lease ends for us, by the clock, unless it is renewed before. */
  get expiresAt(): number {
    return this.#keeper.expiresAt;
  }

  /** Keeps a lease alive, its own or another one, by what the session knows of leaders. */
  keepAlive(
    lease: GrantedLease,
    onLost: (reason: LossReason, cause?: unknown) => void,
  ): LeaseKeeper {
    return new LeaseKeeper(this.etcd, this.options.clock, lease, onLost, this.#terms);
  }

  /** Counts what is to be waited for when the session is closed. */
  track<T>(promise: Promise<T>): Promise<T> {
    return this.#underWay.add(promise);
  }

  /** A key in a queue that was never used before and never will be again. */
  nextEntryKey(prefix: string, mode: Mode): string {
    this.#entries += 1;
    return `${prefix}${infixOf(mode)}${this.id}-${this.#entries}`;
  }

  /** Carries out a change at most once. See `Transactor.commit`. */
  commit(step: Step, waiting?: Waiting, onDoubt?: () => void): Promise<StepResult> {
    return this.#underWay.add(this.#transactor.commit(step, waiting, onDoubt));
  }

  /** Asks what may be asked any number of times. See `Transactor.ask`. */
  ask(request: TxnRequest, waiting?: Waiting): Promise<TxnResponse> {
    return this.#underWay.add(this.#transactor.ask(request, waiting));
  }

  /**
   * Carries out a change that must happen for as long as the session lives, even if nobody
   * waits for it any more: the removal of an entry. It is tried, whatever etcd says, until it
   * is done or the session is over, which removes the entry as well.
   */
  async see(step: Step): Promise<StepResult | undefined> {
    while (!this.loss) {
      try {
        return await this.commit(step);
      } catch (error) {
        if (error instanceof ClosedError || this.loss) return undefined;
        await this.#rest(error instanceof StoreUnavailableError ? 100 : 1_000);
      }
    }
    return undefined;
  }

  /** Calls `listener` when the session is lost. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  /** Somebody held when the session was lost, and had no time to let go. */
  noteUnreleased(): void {
    this.#hasUnreleased = true;
  }

  /**
   * Tells everybody that the session is about to be closed, so that holders stop and
   * waiters leave. Until it is, they can do so in an orderly way.
   */
  announceClose(): void {
    // Who lost it before, and has not noticed yet, is told that.
    if (!this.loss) this.#tell({ reason: "closed" });
  }

  /**
   * Ends the lease, and with it everything that hangs on it. Waits for what is under way.
   * From now on nobody relies on the session. Closing twice does nothing.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#keeper.lose("closed");
    await this.#keeper.close();
    // Whoever held may still be at work: the lease keeps others out until it ends by itself.
    if (this.#hasUnreleased && this.options.lockDelayMs > 0) return;
    // What is under way is bounded by its own time; but why wait for an etcd that is not there?
    await within(this.options.clock, 1_000, this.#underWay.settled());
    // If this gets no answer, the lease ends by itself.
    const timeoutMs = Math.min(this.options.callTimeoutMs, 1_000);
    await this.etcd.leaseRevoke(this.lease, { timeoutMs }).catch(() => {});
  }

  /** Waits a moment, unless the session ends meanwhile. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        stopListening();
        resolve();
      };
      const cancel = this.options.clock.setTimer(ms, wake, { keepsProcessAlive: false });
      const stopListening = this.onLoss(wake);
    });
  }

  #end(loss: Loss): void {
    this.#loss = loss;
    this.#watch.close();
    this.#tell(loss);
  }

  #tell(loss: Loss): void {
    const listeners = [...this.#lossListeners];
    this.#lossListeners.clear();
    for (const listener of listeners) listener(loss);
  }
}
