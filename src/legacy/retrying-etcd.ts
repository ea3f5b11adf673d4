import { type Clock, sleep } from "../clock.ts";
import { StoreError, StoreUnavailableError } from "../errors.ts";
import type { CallOptions, Etcd, TxnRequest, TxnResponse } from "../etcd/api.ts";

// How long to wait for one answer. A server whose leader is gone answers after 7 seconds
// only, when another one would answer at once.
const attemptMs = 1_000;
// Between two attempts when the first one failed at once.
const pauseMs = 100;

/** A lease as it was granted. */
export interface Granted {
  readonly id: bigint;
  /** Until when it surely lives, by our clock: counted from before it was asked for. */
  readonly livesUntil: number;
}

/** The answer to a transaction. */
export interface RetriedTxnResponse extends TxnResponse {
  /** Whether earlier attempts went unanswered. Any of them may have been carried out. */
  readonly repeated: boolean;
}

/**
 * Puts requests to etcd, and asks again while there is no answer. So only what may be
 * carried out twice can be asked: a read, what compares what it changes, or what has an
 * id of its own.
 *
 * Each method goes on until `giveUpAt`, by the clock, and then rejects with
 * `StoreUnavailableError`. Whatever etcd refuses rejects at once.
 */
export class RetryingEtcd {
  readonly #etcd: Etcd;
  readonly #clock: Clock;

  constructor(etcd: Etcd, clock: Clock) {
    this.#etcd = etcd;
    this.#clock = clock;
  }

  async txn(request: TxnRequest, giveUpAt: number): Promise<RetriedTxnResponse> {
    let attempts = 0;
    const response = await this.#ask((options) => {
      attempts += 1;
      return this.#etcd.txn(request, options);
    }, giveUpAt);
    return { ...response, repeated: attempts > 1 };
  }

  /** Opens the lease `id`, which nobody else may know: if it is there already, then by our asking. */
  async grant(id: bigint, ttl: bigint, giveUpAt: number): Promise<Granted> {
    const askedAt = this.#clock.now();
    const granted = await this.#ask(async (options) => {
      try {
        return (await this.#etcd.leaseGrant({ id, ttl }, options)).ttl;
      } catch (error) {
        if (error instanceof StoreError && error.status === "FAILED_PRECONDITION") return ttl;
        throw error;
      }
    }, giveUpAt);
    return { id, livesUntil: askedAt + Number(granted) * 1_000 };
  }

  /** Renews a lease. Resolves with false when it is gone. */
  async keepAlive(id: bigint, giveUpAt: number): Promise<boolean> {
    const { ttl } = await this.#ask((options) => this.#etcd.leaseKeepAlive(id, options), giveUpAt);
    return ttl > 0n;
  }

  /** Ends a lease, unless it is gone already. It never rejects: at worst the lease runs out. */
  async revoke(id: bigint): Promise<void> {
    try {
      await this.#ask(
        (options) => this.#etcd.leaseRevoke(id, options),
        this.#clock.now() + attemptMs,
      );
    } catch {
      // Either it is gone, or etcd ends it after its ttl.
    }
  }

  async #ask<T>(send: (options: CallOptions) => Promise<T>, giveUpAt: number): Promise<T> {
    for (;;) {
      const sentAt = this.#clock.now();
      try {
        return await send({ timeoutMs: Math.max(1, Math.min(attemptMs, giveUpAt - sentAt)) });
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        if (this.#clock.now() + pauseMs >= giveUpAt) throw error;
        await sleep(this.#clock, sentAt + pauseMs - this.#clock.now());
      }
    }
  }
}
