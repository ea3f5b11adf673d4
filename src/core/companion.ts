import { type Keeping, KeptEntries } from "./kept-entries.ts";
import { bytesOf } from "./keys.ts";
import type { GrantedLease, Keeper } from "./lease-keeper.ts";
import { withoutDelay } from "./open-lease.ts";
import type { Rest } from "./queue-requests.ts";
import type { Waiting } from "./requester.ts";
import { rollOn } from "./roll-on.ts";
import { moveRequests } from "./roll-requests.ts";
import type { Loss, Session } from "./session.ts";
import { SessionGoneError } from "./session-gone-error.ts";

/** What is asked of a companion. */
export interface Lingering {
  /** What its entries say. */
  readonly value: Uint8Array;
  /** For how long it keeps others out, at the least, after its hold was lost. */
  readonly lingerMs: number;
  /** For how long it keeps others out, at the least, after its hold began. */
  readonly minHoldMs: number;
  /** Aborts when the client is being closed. */
  readonly closed: AbortSignal;
}

/**
 * What outlasts a hold that is lost, and so keeps others out until the work that it was for has
 * stopped: an entry beside each of its entries, put by the very transaction that joins, so that
 * nobody can stand between them, on a lease of its own.
 *
 * That lease is renewed for as long as the place is not lost. The hold is lost, too, when this lease
 * can no longer be relied on, which is said `lingerMs` before etcd ends it: so from any loss on etcd
 * keeps others out for that long.
 */
export class Companion extends KeptEntries {
  readonly #session: Session;
  readonly #lingerMs: number;
  readonly #minHoldMs: number;
  readonly #listeners = new Set<(loss: Loss) => void>();
  #keeper: Keeper | undefined;
  /** While it moves to another lease. */
  #rolling: Promise<void> | undefined;
  /** Whether it stands in etcd, and may move. */
  #mayRoll = false;
  /** Aborts when it is not renewed any more. */
  readonly #unrenewed = new AbortController();
  #stopListening: () => void = () => {};
  #loss: Loss | undefined;
  /** When nobody need be kept out any more, if the hold is not lost. */
  #dueAt = 0;

  constructor(session: Session, lingering: Lingering, keys: readonly string[]) {
    const { closed, value, lingerMs, minHoldMs } = lingering;
    const keeping: Keeping = { etcd: session.etcd, options: session.options, closed };
    super(keeping, keys, value);
    this.#session = session;
    this.#lingerMs = lingerMs;
    this.#minHoldMs = minHoldMs;
  }

  /** Why it can no longer be relied on, or undefined while it can. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    return this.#keeper?.lost ? this.#loss : undefined;
  }

  /** Until when it can be relied on if it is not renewed, by the clock. */
  get expiresAt(): number {
    return this.#keeper?.expiresAt ?? Number.POSITIVE_INFINITY;
  }

  /** Whether nobody need be kept out any more once the hold is released. */
  get isDue(): boolean {
    return this.#session.options.clock.now() >= this.#dueAt;
  }

  /** Calls `listener` when it can no longer be relied on. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens its lease, and keeps that alive: one round trip. */
  async open(waiting: Waiting): Promise<void> {
    const { ttlMs, lockDelayMs } = this.#session.options;
    const delayMs = lockDelayMs + this.#lingerMs;
    const granted = await this.grant(ttlMs + delayMs, waiting);
    if (!this.isOver) this.#keeper = this.#keep(withoutDelay(granted, delayMs));
  }

  /** It stands in etcd, beside its entries: from now on it moves with them when etcd has another leader. */
  stand(): void {
    // What is not renewed any more, since its place was lost, stays where it is.
    if (this.#mayRoll || this.isOver || this.#unrenewed.signal.aborted) return;
    this.#mayRoll = true;
    this.#stopListening = this.#session.terms.onRise(() => this.#roll());
    this.#roll();
  }

  /** The hold begins. */
  begin(): void {
    this.#dueAt = this.#session.options.clock.now() + this.#minHoldMs;
  }

  /** Renews it no more: it ends by itself, or when its hold is released. */
  stopRenewing(): void {
    this.#mayRoll = false;
    this.#unrenewed.abort(new SessionGoneError());
    this.#stopListening();
    void this.#keeper?.close();
  }

  #keep(lease: GrantedLease): Keeper {
    return this.#session.keepAlive(lease, (reason, cause) => {
      this.#loss ??= { reason, cause };
      for (const listener of [...this.#listeners]) listener(this.#loss);
    });
  }

  get #isDue(): boolean {
    const { raftTerm } = this.#keeper ?? {};
    if (!this.#mayRoll || raftTerm === undefined || this.loss) return false;
    return this.#session.terms.highest > raftTerm;
  }

  #roll(): void {
    if (this.#rolling || !this.#isDue) return;
    const rolling = rollOn({
      isDue: () => this.#isDue,
      roll: () => this.#rollOnce(),
      rest: (ms) => this.#session.rest(ms),
    });
    this.#rolling = this.#session.track(rolling).then((isDone) => {
      this.#rolling = undefined;
      if (isDone) this.#roll();
    });
  }

  /** Moves to a fresh lease, as the session does. */
  async #rollOnce(): Promise<void> {
    const { signal } = this.#unrenewed;
    const from = this.#keeper;
    // It may stand on any of those that an earlier attempt wanted to move it to.
    const { leases: before } = this;
    const { ttlMs, lockDelayMs } = this.#session.options;
    const delayMs = lockDelayMs + this.#lingerMs;
    const granted = await this.grant(ttlMs + delayMs, { signal });
    const keeper = this.#keep(withoutDelay(granted, delayMs));
    try {
      const keys = this.keys.map(bytesOf);
      for (const request of before.flatMap((lease) => moveRequests(lease, granted.id, keys))) {
        await this.#session.ask(request, { signal });
      }
    } catch (error) {
      void keeper.close();
      throw error;
    }
    this.#keeper = keeper;
    void from?.close();
    if (signal.aborted) void keeper.close();
    if (!this.isOver) this.standsOn(granted.id);
  }

  /** Gets ready to stay for what is left of `minHoldMs`, whatever becomes of this process. */
  async prepareRest(): Promise<Rest> {
    this.#mayRoll = false;
    await this.#rolling;
    const restMs = this.#dueAt - this.#session.options.clock.now();
    // Without an answer it stays where it is, for as long as we are there to renew it.
    const granted = await this.grant(restMs).catch(() => undefined);
    return { lease: granted?.id };
  }

  /** It was moved where it can stay. */
  moved({ lease }: Rest): void {
    if (lease === undefined) return;
    this.stopRenewing();
    this.standsOn(lease);
  }

  /** The hold was released, or never came to be: takes it away as soon as `minHoldMs` are over. */
  async release(): Promise<void> {
    if (this.isOver) return;
    if (this.isDue) return this.end();
    this.endAt(this.#dueAt, () => this.stopRenewing());
  }

  override end(): Promise<void> {
    this.stopRenewing();
    return super.end();
  }
}
