import { type Clock, sleep, within } from "../clock.ts";
import { ClosedError, type LossReason, StoreUnavailableError } from "../errors.ts";
import type { Etcd, ResponseHeader, TxnRequest, TxnResponse } from "../etcd/api.ts";
import { attemptMs, isUndecided } from "./attempts.ts";
import type { Identity } from "./entry.ts";
import { type GrantedLease, type Keeper, LeaseKeeper, type OnLost } from "./lease-keeper.ts";
import { infixOf, type Mode } from "./mode.ts";
import { type OpenedLease, openLease } from "./open-lease.ts";
import type { Waiting } from "./requester.ts";
import { Revocations } from "./revocations.ts";
import { SessionLease } from "./session-lease.ts";
import { Terms } from "./terms.ts";
import { quorumWrite } from "./through-consensus.ts";
import { type Step, type StepResult, Transactor } from "./transactor.ts";
import { Unanswered } from "./unanswered.ts";
import { UnderWay } from "./under-way.ts";
import { revokeLease } from "./unrenewed-lease.ts";

/** What a session is opened with. */
export interface SessionOptions {
  readonly namespace: string;
  readonly ttlMs: number;
  /** How long nobody gets in, at the least, after a hold that ended without a release. */
  readonly lockDelayMs: number;
  /** How long a call keeps asking when etcd does not answer. */
  readonly callTimeoutMs: number;
  /** Whether an answered keepalive counts only once a write of the same term has confirmed it. */
  readonly strict: boolean;
  /** Who renews leases, if not this thread. */
  readonly keepAlive?: KeepAlive | undefined;
  readonly identity: Identity;
  readonly clock: Clock;
  /** Draws an id for a lease that nobody else will draw. */
  readonly newLeaseId: () => bigint;
}

/** Renews a lease, by what is known of etcd's leaders. */
export type KeepAlive = (lease: GrantedLease, onLost: OnLost, terms: Terms) => Keeper;

/** How hard to try to open a session. */
export interface Opening {
  /** Whether an etcd that cannot be reached is asked again, for `callTimeoutMs`. */
  readonly patient?: boolean;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal;
  /** What was confirmed before: etcd must not be at a lower revision. */
  readonly seen?: ResponseHeader | undefined;
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
  /** Names the session in keys: its first lease. It stays when the session moves to another one. */
  readonly id: string;
  /** Who wants back what is held here. */
  readonly revocations: Revocations = new Revocations();
  /** What it knows of the leaders of etcd. */
  readonly terms: Terms = new Terms();
  readonly #transactor: Transactor;
  readonly #lease: SessionLease;
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
   * @throws {StoreError} when etcd refuses, does not answer, or is at a lower revision than `seen`.
   *   Nothing is left then, or for one TTL at the most.
   * @throws the reason of `signal`, when that aborts.
   */
  static async open(
    etcd: Etcd,
    options: SessionOptions,
    { patient = false, signal, seen }: Opening = {},
  ): Promise<Session> {
    const { clock, callTimeoutMs, ttlMs } = options;
    const giveUpAt = clock.now() + callTimeoutMs;
    const write = quorumWrite(etcd, options.namespace);
    const probe = (over: AbortSignal) =>
      write({ signal: over, timeoutMs: attemptMs(ttlMs), keepsProcessAlive: false });
    // Who connects knows of no leader yet, so that it can't tell a new one.
    const unanswered = seen && new Unanswered(clock, seen.raftTerm, probe);
    for (;;) {
      const askedAt = clock.now();
      const timeoutMs = Math.min(attemptMs(ttlMs), giveUpAt - askedAt);
      try {
        const opened = await openLease(etcd, options, seen, unanswered, { timeoutMs, signal });
        return new Session(etcd, options, opened);
      } catch (error) {
        const isPassing = patient ? error instanceof StoreUnavailableError : isUndecided(error);
        if (!isPassing || clock.now() + pauseMs >= giveUpAt) throw error;
        await sleep(clock, askedAt + pauseMs - clock.now(), signal);
      }
    }
  }

  private constructor(etcd: Etcd, options: SessionOptions, opened: OpenedLease) {
    const { clock, callTimeoutMs } = options;
    const { standing, put, lease } = opened;
    this.etcd = etcd;
    this.options = options;
    this.id = lease.id.toString(16);
    this.#transactor = new Transactor({
      etcd,
      clock,
      standing,
      put,
      attemptMs: attemptMs(lease.ttlMs),
      callTimeoutMs,
      onHeader: ({ raftTerm }) => this.terms.witness(raftTerm),
      onLost: (reason, cause) => this.#lease.lose(reason, cause),
    });
    // It may have been put in a later term than that of the grant.
    this.terms.witness(put.raftTerm);
    this.#lease = new SessionLease(this, this.#transactor, opened, (loss) => {
      this.#loss = loss;
      this.#tell(loss);
    });
  }

  /** The lease that entries are bound to. It may become another one, with all that hangs on it. */
  get lease(): bigint {
    return this.#lease.standing.lease;
  }

  /** Whether it has a lease, or had it. */
  isOwn(lease: bigint): boolean {
    return this.#lease.isOwn(lease);
  }

  /** Why the session is lost, or undefined while it is not. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    return this.#lease.lost ? this.#loss : undefined;
  }

  /** When the lease ends for us, by the clock, unless it is renewed before. */
  get expiresAt(): number {
    return this.#lease.expiresAt;
  }

  /** What was confirmed last. */
  get seen(): ResponseHeader {
    return this.#transactor.seen;
  }

  /** Keeps a lease alive, its own or another one, by what the session knows of leaders. */
  keepAlive(lease: GrantedLease, onLost: OnLost): Keeper {
    const { clock, strict, keepAlive } = this.options;
    if (keepAlive) return keepAlive(lease, onLost, this.terms);
    const confirm = strict ? quorumWrite(this.etcd, this.options.namespace) : undefined;
    return new LeaseKeeper(this.etcd, clock, lease, onLost, { terms: this.terms, confirm });
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

  /** An entry hangs on its lease from now on, and moves with it to another one. */
  carry(keys: readonly string[]): void {
    this.#lease.carry(keys);
  }

  /** An entry is gone, or will go with the lease. */
  drop(keys: readonly string[]): void {
    this.#lease.drop(keys);
  }

  /** While it is on its way from one lease to another, what resolves when it has arrived. */
  get moving(): Promise<unknown> | undefined {
    return this.#transactor.moving;
  }

  /** Carries out a change at most once. See `Transactor.commit`. */
  commit(stepNow: () => Step, waiting?: Waiting, onDoubt?: () => void): Promise<StepResult> {
    return this.#underWay.add(this.#transactor.commit(stepNow, waiting, onDoubt));
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
  async see(stepNow: () => Step): Promise<StepResult | undefined> {
    while (!this.loss) {
      try {
        return await this.commit(stepNow);
      } catch (error) {
        if (error instanceof ClosedError || this.loss) return undefined;
        await this.rest(error instanceof StoreUnavailableError ? 100 : 1_000);
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
    const leases = await this.#lease.close();
    // Whoever held may still be at work: the lease keeps others out until it ends by itself.
    if (this.#hasUnreleased && this.options.lockDelayMs > 0) return;
    // What is under way is bounded by its own time; but why wait for an etcd that is not there?
    await within(this.options.clock, 1_000, this.#underWay.settled());
    // If this gets no answer, the lease ends by itself.
    const timeoutMs = Math.min(this.options.callTimeoutMs, 1_000);
    const revoke = (lease: bigint) => revokeLease(this, lease, { timeoutMs }).catch(() => {});
    await Promise.all(leases.map(revoke));
  }

  /** Waits a moment, unless the session ends meanwhile. */
  rest(ms: number): Promise<void> {
    if (this.loss) return Promise.resolve();
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

  #tell(loss: Loss): void {
    const listeners = [...this.#lossListeners];
    this.#lossListeners.clear();
    for (const listener of listeners) listener(loss);
  }
}
