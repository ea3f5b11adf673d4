import type { Clock } from "../clock.ts";
import { type GrantedLease, type Keeper, type OnLost, takenOver } from "../core/lease-keeper.ts";
import { type LossReason, StoreError, StoreUnavailableError } from "../errors.ts";
import type { SentError } from "./messages.ts";
import { SharedTime } from "./shared-time.ts";

/** What a keeper asks of the thread that renews its lease. */
export interface ThreadKeeperActions {
  readonly onClose: () => void;
  /** Renews the lease in this thread, which may rely on it until `expiresAt`. */
  readonly takeOver: (expiresAt: number) => Keeper;
}

// While this thread runs, it is never as late as that.
const lateMsMax = 1_000;

/** What this thread knows of a lease that another one renews: it reads in shared memory until when. */
export class ThreadKeeper implements Keeper {
  readonly expiry: SharedTime = new SharedTime();
  /** Resolves when nobody renews it any more. */
  readonly closed: Promise<void>;
  readonly #clock: Clock;
  readonly #lease: GrantedLease;
  readonly #onLost: OnLost;
  readonly #actions: ThreadKeeperActions;
  #wasClosed: () => void = () => {};
  #stopDeadline: () => void = () => {};
  /** This thread's own keeper, once the other thread is no more. */
  #successor: Keeper | undefined;
  #isClosing = false;
  #failure: Error | undefined;
  #lost = false;

  constructor(clock: Clock, lease: GrantedLease, onLost: OnLost, actions: ThreadKeeperActions) {
    this.#clock = clock;
    this.#lease = lease;
    this.#onLost = onLost;
    this.#actions = actions;
    this.closed = new Promise((resolve) => {
      this.#wasClosed = resolve;
    });
    this.expiry.ms = expiryOf(lease);
    this.#armDeadline();
  }

  get raftTerm(): bigint {
    return this.#lease.raftTerm;
  }

  get expiresAt(): number {
    return this.#successor?.expiresAt ?? this.expiry.ms;
  }

  get lost(): boolean {
    if (this.#successor) return this.#successor.lost;
    const lateMs = this.#clock.now() - this.expiry.ms;
    if (!this.#lost && lateMs >= 0) {
      if (lateMs > lateMsMax) this.lose("stalled");
      else this.lose("expired", this.#failure);
    }
    return this.#lost;
  }

  lose(reason: LossReason, cause?: unknown): void {
    if (this.#successor) {
      this.#successor.lose(reason, cause);
    } else if (!this.#lost) {
      this.#lost = true;
      this.#stop();
      this.#onLost(reason, cause);
    }
  }

  async close(): Promise<void> {
    if (this.#successor) return this.#successor.close();
    this.#stop();
    await this.closed;
  }

  /** The other thread gave it up. */
  wasLost({
    reason,
    cause,
  }: {
    readonly reason: LossReason;
    readonly cause: SentError | undefined;
  }): void {
    this.lose(reason, cause && received(cause));
  }

  /** The other thread could not renew it. */
  failed(cause: SentError): void {
    this.#failure = received(cause);
  }

  /** The other thread renews it no more. */
  wasClosed(): void {
    this.#wasClosed();
  }

  /** There is no other thread any more. */
  threadDied(): void {
    this.#stopDeadline();
    if (!this.#isClosing && !this.lost) {
      this.#successor = this.#actions.takeOver(this.expiry.ms);
    }
    this.#wasClosed();
  }

  #stop(): void {
    this.#stopDeadline();
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#actions.onClose();
  }

  #armDeadline(): void {
    this.#stopDeadline = this.#clock.setTimer(
      Math.max(0, this.expiry.ms - this.#clock.now()),
      () => {
        if (!this.lost) this.#armDeadline();
      },
      { keepsProcessAlive: false },
    );
  }
}

/** Until when a lease can be relied on that was just granted. */
function expiryOf(lease: GrantedLease): number {
  const ofNone = takenOver(lease, 0).askedAt;
  return lease.askedAt - ofNone;
}

function received({ status, message }: SentError): Error {
  if (status === undefined) return new Error(message);
  const isUnanswered = status === "UNAVAILABLE" || status === "DEADLINE_EXCEEDED";
  return isUnanswered
    ? new StoreUnavailableError(message, { status })
    : new StoreError(status, message);
}
