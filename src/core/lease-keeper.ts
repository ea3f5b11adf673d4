import { type Clock, within } from "../clock.ts";
import type { LossReason } from "../errors.ts";
import type { CallOptions, Etcd, LeaseKeepAliveResponse, ResponseHeader } from "../etcd/api.ts";
import { abortable } from "../signals.ts";
import { attemptMs } from "./attempts.ts";
import { Terms } from "./terms.ts";
import { UnderWay } from "./under-way.ts";

/** A lease as it was granted. */
export interface GrantedLease {
  readonly id: bigint;
  /** The TTL that the store granted, which may be more than was asked for, without `delayMs`. */
  readonly ttlMs: number;
  /** How much of it is not for us, but keeps others out after we have stopped to rely on it. */
  readonly delayMs: number;
  /** When the grant was asked for, by the client's monotonic clock. */
  readonly askedAt: number;
  /** The leader's term when it was granted. */
  readonly raftTerm: bigint;
}

/** Knows how long a lease can be relied on, while somebody renews it. */
export interface Keeper {
  /** The leader's term when the lease was granted. */
  readonly raftTerm: bigint;
  /** When the lease ends for us, by the clock, unless it is renewed before. */
  readonly expiresAt: number;
  /** Whether the lease can no longer be relied on. It looks at the clock, and does not wait for a timer. */
  readonly lost: boolean;
  /** Gives the lease up for lost. Only the first call counts. */
  lose(reason: LossReason, cause?: unknown): void;
  /** Stops renewing. Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/** Called when a lease is lost, once. */
export type OnLost = (reason: LossReason, cause?: unknown) => void;

/** How a lease is renewed. */
export interface KeeperOptions {
  /** What is known of etcd's leaders. */
  readonly terms?: Terms | undefined;
  /** What confirms that an answer was given by a leader, if that matters. */
  readonly confirm?: QuorumWrite | undefined;
  /** Called with each new deadline. */
  readonly onRenewed?: ((expiresAt: number) => void) | undefined;
  /** Called when an attempt failed. */
  readonly onFailed?: ((error: unknown) => void) | undefined;
  /** Whether whoever uses the lease is still there: without it, it runs out. */
  readonly isWanted?: (() => boolean) | undefined;
}

/** Writes something through consensus, and resolves with the header of the answer. */
export type QuorumWrite = (call: CallOptions) => Promise<ResponseHeader>;

/**
 * Keeps a lease alive, and knows when it can no longer be relied on.
 *
 * The lease is counted from the moment before the last valid keepalive was sent, with the
 * TTL that the store granted. The store begins to count later than we do, so we stop
 * relying on it first. What comes after the deadline changes nothing: a lost lease is
 * never revived.
 *
 * A leader that was paused answers keepalives before it learns that another one was elected, and
 * such an answer renews nothing (measured: 2.76 s were believed too long). With `confirm`, an answer
 * counts only once a write that was sent after it went through in the same term: then a majority
 * still followed the leader that gave it.
 */
export class LeaseKeeper implements Keeper {
  readonly #etcd: Etcd;
  readonly #clock: Clock;
  readonly #lease: GrantedLease;
  readonly #onLost: OnLost;
  readonly #terms: Terms;
  readonly #options: KeeperOptions;
  readonly #closing = new AbortController();
  readonly #keeping: Promise<void>;
  #expiresAt: number;
  #lost = false;
  #failure: unknown;
  /** When the next thing is to be done; never, while an answer is waited for. */
  #dueAt: number;
  #wake: (() => void) | undefined;
  #stopDeadline: () => void = () => {};

  constructor(
    etcd: Etcd,
    clock: Clock,
    lease: GrantedLease,
    onLost: OnLost,
    options: KeeperOptions = {},
  ) {
    const { terms = new Terms() } = options;
    this.#etcd = etcd;
    this.#clock = clock;
    this.#lease = lease;
    this.#onLost = onLost;
    this.#terms = terms;
    this.#options = options;
    terms.witness(lease.raftTerm);
    this.#expiresAt = lease.askedAt + lease.ttlMs - marginMs(lease.ttlMs);
    this.#dueAt = clock.now();
    this.#armDeadline();
    this.#keeping = this.#keepAlive();
  }

  get raftTerm(): bigint {
    return this.#lease.raftTerm;
  }

  get expiresAt(): number {
    return this.#expiresAt;
  }

  get lost(): boolean {
    const now = this.#clock.now();
    if (!this.#lost && now >= this.#expiresAt) {
      // While a process runs, it is never as late as that, whatever etcd does.
      const isLate = now - Math.min(this.#dueAt, this.#expiresAt) > this.#attemptMs;
      if (isLate || !this.#isWanted) this.lose("stalled");
      else this.lose("expired", this.#failure);
    }
    return this.#lost;
  }

  // A server answers a request that its leader never saw only after 7 seconds.
  get #attemptMs(): number {
    return attemptMs(this.#lease.ttlMs);
  }

  get #isWanted(): boolean {
    return this.#options.isWanted?.() ?? true;
  }

  lose(reason: LossReason, cause?: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#stop();
    this.#onLost(reason, cause);
  }

  /** Takes note of the leader's term: what an older one says about the lease is void. */
  witness(raftTerm: bigint): void {
    this.#terms.witness(raftTerm);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#keeping;
  }

  #stop(): void {
    this.#closing.abort();
    this.#stopDeadline();
    this.#wake?.();
  }

  async #keepAlive(): Promise<void> {
    const { ttlMs } = this.#lease;
    const stop = this.#closing.signal;
    const attemptMs = this.#attemptMs;

    const underWay = new UnderWay();
    // Whoever takes over the lease of another keeper may be late.
    let nextMs = Math.max(0, this.#lease.askedAt + renewalMs(ttlMs) - this.#clock.now());
    while (!stop.aborted) {
      await this.#sleep(nextMs);
      if (stop.aborted || this.lost) break;
      if (!this.#isWanted) {
        nextMs = attemptMs;
        continue;
      }

      const sentAt = this.#clock.now();
      const attempt = underWay.add(this.#attempt(sentAt));
      // Etcd may answer a later request long before one that it got while it chose a leader.
      this.#dueAt = sentAt + attemptMs / 2;
      const isRenewed = await within(this.#clock, attemptMs / 2, attempt, {
        keepsProcessAlive: false,
      });
      const tookMs = this.#clock.now() - sentAt;
      if (isRenewed === undefined) nextMs = 0;
      else if (isRenewed) nextMs = Math.max(0, renewalMs(ttlMs) - tookMs);
      // What failed at once would fail at once again.
      else nextMs = Math.max(0, attemptMs / 4 - tookMs);
    }
    await underWay.settled();
  }

  /** One keepalive. Resolves with whether it renewed the lease. */
  async #attempt(sentAt: number): Promise<boolean> {
    const { signal } = this.#closing;
    const timeoutMs = Math.min(this.#attemptMs, this.#expiresAt - sentAt);
    const call: CallOptions = { signal, timeoutMs, keepsProcessAlive: false };
    try {
      const renewal = this.#etcd.leaseKeepAlive(this.#lease.id, call);
      const answer = await abortable(renewal, signal);
      return (await this.#isConfirmed(answer, call)) && this.#renewed(sentAt, answer);
    } catch (error) {
      this.#failure = error;
      if (!signal.aborted) this.#options.onFailed?.(error);
      return false;
    }
  }

  /** Whether whoever gave an answer was still the leader afterwards, if that matters. */
  async #isConfirmed({ ttl, header }: LeaseKeepAliveResponse, call: CallOptions): Promise<boolean> {
    const { confirm } = this.#options;
    if (!confirm || ttl <= 0n) return true;
    const confirmed = await abortable(confirm(call), this.#closing.signal);
    this.witness(confirmed.raftTerm);
    return confirmed.raftTerm === header.raftTerm;
  }

  /** Takes a keepalive's answer into account, unless it is void. */
  #renewed(sentAt: number, { ttl, header }: LeaseKeepAliveResponse): boolean {
    if (this.lost) return false;
    // A leader that was paused answers what it has in its queue with its old term.
    if (header.raftTerm < this.#terms.highest) return false;
    this.witness(header.raftTerm);
    if (ttl <= 0n) {
      this.lose("revoked");
      return false;
    }
    const ttlMs = Number(ttl) * 1_000 - this.#lease.delayMs;
    this.#expiresAt = Math.max(this.#expiresAt, sentAt + ttlMs - marginMs(ttlMs));
    this.#failure = undefined;
    this.#options.onRenewed?.(this.#expiresAt);
    return true;
  }

  /** One timer for the deadline: when it fires too early, since the lease was renewed, it is set anew. */
  #armDeadline(): void {
    this.#stopDeadline = this.#clock.setTimer(
      this.#expiresAt - this.#clock.now(),
      () => {
        if (!this.lost) this.#armDeadline();
      },
      { keepsProcessAlive: false },
    );
  }

  #sleep(ms: number): Promise<void> {
    this.#dueAt = this.#clock.now() + ms;
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(ms, resolve, { keepsProcessAlive: false });
      this.#wake = () => {
        cancel();
        resolve();
      };
      if (this.#closing.signal.aborted) this.#wake();
    });
  }
}

/**
 * How long to wait from one renewal to the next: a third of a TTL, but less of a short one, so that
 * it leaves time for etcd to choose a leader, and for us to find it: three seconds and more, measured
 * with its default settings.
 */
function renewalMs(ttlMs: number): number {
  return Math.min(ttlMs / 3, Math.max(ttlMs - 5_000, ttlMs / 8));
}

/** The same lease, as somebody takes it over who may rely on it until `expiresAt`. */
export function takenOver(lease: GrantedLease, expiresAt: number): GrantedLease {
  return { ...lease, askedAt: expiresAt - lease.ttlMs + marginMs(lease.ttlMs) };
}

/** How much earlier than etcd we let go: for clocks that do not run equally fast. */
function marginMs(ttlMs: number): number {
  return Math.max(50, ttlMs / 100);
}
