import type { Clock } from "../../clock.ts";
import { type Expiring, ExpiryQueue } from "./expiry-queue.ts";
import { refusal } from "./refusals.ts";

/** A span of time, and the keys that end with it. */
export interface Lease extends Expiring {
  readonly id: bigint;
  /** What was granted, in seconds. */
  readonly ttl: bigint;
  /** The keys bound to it, as strings of one character per byte. */
  readonly keys: Set<string>;
}

// In seconds. The shortest is what etcd makes of an election timeout of a second.
const shortestTtl = 2n;
const longestTtl = 9_000_000_000n;

// Beyond 2^53, so that whoever squeezes an id through a number finds out soon.
const firstId = 0x4000_0000_0000_0001n;

/** Grants leases, and ends each when its time is over: never early, and late only if timers are. */
export class Lessor {
  readonly #clock: Clock;
  readonly #onExpired: (lease: Lease) => void;
  readonly #leases = new Map<bigint, Lease>();
  readonly #queue = new ExpiryQueue<Lease>();
  #isPrimary = true;
  #nextId = firstId;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  /** `onExpired` hears of each lease that ran out, after it is gone. */
  constructor(clock: Clock, onExpired: (lease: Lease) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get leaseCount(): number {
    return this.#leases.size;
  }

  get timerCount(): number {
    return this.#timer ? 1 : 0;
  }

  get(id: bigint): Lease | undefined {
    return this.#leases.get(id);
  }

  /** All leases, those that end first at the front. */
  byExpiry(): readonly Lease[] {
    return [...this.#leases.values()].sort((a, b) => a.expiresAt - b.expiresAt);
  }

  /** Nobody leads: no lease ends until somebody is promoted. */
  demote(): void {
    this.#isPrimary = false;
    this.#cancelTimer();
  }

  /**
   * A new leader does not know when leases were renewed last: all get their full time again, and
   * `extendMs` beyond that.
   */
  promote(extendMs: number): void {
    this.#isPrimary = true;
    for (const lease of this.#leases.values()) {
      lease.expiresAt = this.#endOf(lease.ttl) + extendMs;
      this.#queue.update(lease);
    }
    this.#cancelTimer();
    this.#setTimer();
  }

  grant(ttl: bigint, id: bigint = this.#chooseId()): Lease {
    if (ttl > longestTtl) throw refusal("ttlTooLarge");
    if (this.#leases.has(id)) throw refusal("leaseExists");
    const granted = ttl < shortestTtl ? shortestTtl : ttl;
    const lease: Lease = {
      id,
      ttl: granted,
      keys: new Set(),
      expiresAt: this.#endOf(granted),
      place: -1,
    };
    this.#leases.set(id, lease);
    this.#queue.add(lease);
    this.#setTimer();
    return lease;
  }

  /** Gives a lease its full time again. */
  renew(lease: Lease): void {
    lease.expiresAt = this.#endOf(lease.ttl);
    this.#queue.update(lease);
    // The timer stays: it may find that nothing is due yet, and sets itself anew.
  }

  /** The full seconds that a lease has left. */
  secondsLeft(lease: Lease): bigint {
    return BigInt(Math.floor((lease.expiresAt - this.#clock.now()) / 1000));
  }

  remove(lease: Lease): void {
    this.#leases.delete(lease.id);
    this.#queue.remove(lease);
    if (this.#queue.size === 0) this.#cancelTimer();
  }

  /** Ends every lease whose time is over, in the order in which they ran out. */
  endOverdue(): void {
    if (!this.#isPrimary) return;
    const now = this.#queue.size > 0 ? this.#clock.now() : 0;
    for (let next = this.#queue.next; next && next.expiresAt <= now; next = this.#queue.next) {
      this.remove(next);
      this.#onExpired(next);
    }
  }

  /** Stops the clock for all leases. */
  close(): void {
    this.#cancelTimer();
  }

  #endOf(ttl: bigint): number {
    return this.#clock.now() + Number(ttl) * 1000;
  }

  /** Sees to it that the timer fires when the next lease ends, or before. */
  #setTimer(): void {
    const at = this.#queue.next?.expiresAt;
    if (at === undefined || !this.#isPrimary || (this.#timer && this.#timer.at <= at)) return;
    this.#cancelTimer();
    const wake = (): void => {
      this.#timer = undefined;
      this.endOverdue();
      this.#setTimer();
    };
    const delayMs = at - this.#clock.now();
    const cancel = this.#clock.setTimer(delayMs, wake, { keepsProcessAlive: false });
    this.#timer = { at, cancel };
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #chooseId(): bigint {
    while (this.#leases.has(this.#nextId)) this.#nextId += 1n;
    return this.#nextId++;
  }
}
