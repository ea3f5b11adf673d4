import type { Companion } from "./companion.ts";
import { causeOf, type Revocation } from "./revocation.ts";
import type { Loss, Session } from "./session.ts";

/** What a place may lose. */
export interface Losable {
  /** The token, 0 before it has one. */
  readonly createRevision: bigint;
  /** Whether what happens to its entries is our own doing. */
  readonly leaving: boolean;
  /** It is lost. Nothing more will happen to it. */
  lost(loss: Loss): void;
  /** Takes away what is left of it in etcd. */
  withdraw(): Promise<void>;
}

/** Finds out that a place is lost, and why, whichever way that comes to be known first. */
export class Losses {
  readonly #session: Session;
  readonly #place: Losable;
  readonly #companion: Companion | undefined;
  readonly #listeners = new Set<(loss: Loss) => void>();
  readonly #stops: readonly (() => void)[];
  #loss: Loss | undefined;
  #removed = false;
  /** Until when somebody else put its entries, if it was left to us: for ever, until we took it on. */
  #othersUntil: bigint;
  #lastPut = { lease: 0n, revision: 0n };
  #forgetGrace: () => void = () => {};

  constructor(
    session: Session,
    place: Losable,
    companion: Companion | undefined,
    isLeftToUs: boolean,
  ) {
    this.#session = session;
    this.#place = place;
    this.#companion = companion;
    this.#othersUntil = isLeftToUs ? 2n ** 63n : 0n;
    this.#stops = [
      session.onLoss((loss) => this.end(loss)),
      ...(companion ? [companion.onLoss((loss) => this.end(loss))] : []),
      session.revocations.onRequest((revocation) => this.revoke(revocation)),
    ];
  }

  /** Why the place is lost, or undefined while it is not. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    const leaseLoss = this.#session.loss ?? this.#companion?.loss;
    if (leaseLoss) this.end(leaseLoss);
    else if (this.#removed) this.end({ reason: "deleted" });
    return this.#loss;
  }

  /** Calls `listener` when the place is lost. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The place is lost. Only the first loss counts. */
  end(loss: Loss): void {
    if (this.#loss) return;
    this.#loss = loss;
    for (const listener of [...this.#listeners]) listener(loss);
    this.#listeners.clear();
    this.#place.lost(loss);
  }

  /** The watch saw one of its keys go. */
  wasRemoved(): void {
    if (this.#place.leaving || this.#removed) return;
    this.#removed = true;
    // If the lease went, and not just this key, the session hears of it in this moment, and
    // can say so. Nobody is let in by that: `loss` is there as soon as somebody asks.
    this.#session.options.clock.setTimer(1, () => this.loss, { keepsProcessAlive: false });
  }

  /** The watch saw one of its keys put, by ourselves or by somebody else. */
  wasPut(lease: bigint, revision: bigint): void {
    this.#lastPut = { lease, revision };
    if (this.#place.leaving || revision <= this.#othersUntil) return;
    if (!this.#session.isOwn(lease)) this.end({ reason: "overwritten" });
  }

  /** What somebody left to us is ours since `revision`. */
  tookOn(revision: bigint): void {
    this.#othersUntil = revision;
    this.wasPut(this.#lastPut.lease, this.#lastPut.revision);
  }

  /** Nobody has to be told any more. */
  close(): void {
    for (const stop of this.#stops) stop();
  }

  /** What is left of it goes now: the time for that need not be waited for. */
  forgetGrace(): void {
    this.#forgetGrace();
  }

  /** Somebody wants it back: it is lost now, and goes when its grace is over, or it is released. */
  revoke(revocation: Revocation): void {
    const { createRevision, leaving } = this.#place;
    if (revocation.token !== createRevision || leaving || this.#loss) return;
    this.end({ reason: "revoked", cause: causeOf(revocation) });
    const { clock } = this.#session.options;
    // Whoever wants it back may not be there any more to take it.
    const cancel = clock.setTimer(revocation.graceMs, () => void this.#place.withdraw(), {
      keepsProcessAlive: false,
    });
    const stopListening = this.#session.onLoss(cancel);
    this.#forgetGrace = () => {
      cancel();
      stopListening();
    };
  }
}
