import type { Clock } from "../../clock.ts";
import { ClosedError, StoreUnavailableError } from "../../errors.ts";
import { abortable, followSignals } from "../../signals.ts";
import type {
  CallOptions,
  CompactResponse,
  Etcd,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  TxnRequest,
  TxnResponse,
  Watch,
  WatchObserver,
  WatchRequest,
} from "../api.ts";
import type { Etcd3CallOptions, RawEtcd3 } from "./client.ts";
import { translateError } from "./errors.ts";
import { Etcd3Watch } from "./etcd3-watch.ts";
import { fromBytes, fromHeader, fromTxnResult, toTxn } from "./messages.ts";

// Longer than etcd itself works on a request, which is 7 seconds with its defaults.
const longestCallMs = 10_000;

/**
 * The port over a client of the `etcd3` package.
 *
 * Two things are as that client does them. It asks again on its own after a failure, so
 * whatever is asked here must bear being carried out twice. And it marks no request as needing
 * a leader, so that a member that was cut off keeps its watches silent instead of ending them.
 */
export class Etcd3Store implements Etcd {
  readonly #client: RawEtcd3;
  readonly #clock: Clock;
  /** What gives up each call that is under way. */
  readonly #calls = new Set<AbortController>();
  readonly #watches = new Set<Etcd3Watch>();
  #closed = false;

  constructor(client: RawEtcd3, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    return this.#call(options, async (call) => {
      const answer = await this.#client.kv.txn(toTxn(request), call);
      return { header: fromHeader(answer.header), ...fromTxnResult(answer) };
    });
  }

  compact(revision: bigint, options?: CallOptions): Promise<CompactResponse> {
    return this.#call(options, async (call) => {
      const request = { revision: String(revision), physical: false };
      const { header } = await this.#client.kv.compact(request, call);
      return { header: fromHeader(header) };
    });
  }

  leaseGrant(
    { ttl, id = 0n }: LeaseGrantRequest,
    options?: CallOptions,
  ): Promise<LeaseGrantResponse> {
    return this.#call(options, async (call) => {
      const request = { TTL: String(ttl), ID: String(id) };
      const { header, ID, TTL } = await this.#client.leaseClient.leaseGrant(request, call);
      return { header: fromHeader(header), id: BigInt(ID), ttl: BigInt(TTL) };
    });
  }

  leaseKeepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResponse> {
    return this.#call(options, async (call) => {
      const stream = await this.#client.leaseClient.leaseKeepAlive(call);
      try {
        const { header, TTL } = await new Promise<{
          header: Parameters<typeof fromHeader>[0];
          TTL: string;
        }>((resolve, reject) => {
          stream.on("data", resolve);
          stream.on("error", reject);
          stream.on("end", () => reject(new StoreUnavailableError("The keepalive was cut off")));
          stream.write({ ID: String(id) });
        });
        return { header: fromHeader(header), ttl: BigInt(TTL) };
      } finally {
        stream.end();
      }
    });
  }

  leaseRevoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResponse> {
    return this.#call(options, async (call) => {
      const { header } = await this.#client.leaseClient.leaseRevoke({ ID: String(id) }, call);
      return { header: fromHeader(header) };
    });
  }

  leaseTimeToLive(
    { id, keys = false }: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResponse> {
    return this.#call(options, async (call) => {
      const request = { ID: String(id), keys };
      const answer = await this.#client.leaseClient.leaseTimeToLive(request, call);
      return {
        header: fromHeader(answer.header),
        ttl: BigInt(answer.TTL),
        grantedTtl: BigInt(answer.grantedTTL),
        keys: answer.keys.map(fromBytes),
      };
    });
  }

  watch(request: WatchRequest, observer: WatchObserver): Watch {
    const watch = new Etcd3Watch(this.#client, this.#clock, request, {
      onCreated: (revision) => observer.onCreated?.(revision),
      onEvents: (events) => observer.onEvents(events),
      onEnd: (error) => {
        this.#watches.delete(watch);
        observer.onEnd(error);
      },
    });
    this.#watches.add(watch);
    if (this.#closed) watch.end(new ClosedError("The store"));
    return {
      close: () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  /** Ends the calls and watches of this store. The client is the user's, and stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const error = new ClosedError("The store");
    for (const call of this.#calls) call.abort(error);
    for (const watch of this.#watches) watch.end(error);
  }

  async #call<T>(
    { signal, timeoutMs = longestCallMs, keepsProcessAlive }: CallOptions = {},
    send: (call: Etcd3CallOptions) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw new ClosedError("The store");
    const call = new AbortController();
    this.#calls.add(call);
    const { signal: over, unfollow } = followSignals(call.signal, signal);
    const cancelTimer = this.#clock.setTimer(timeoutMs, () => call.abort(timedOut(timeoutMs)), {
      keepsProcessAlive,
    });
    try {
      over.throwIfAborted();
      // The client itself gets a deadline that no working server misses: it takes a missed one
      // for a fault of the host, drops all connections to it, and after a few refuses to ask.
      const deadline = Date.now() + Math.max(timeoutMs, longestCallMs);
      return await abortable(send({ deadline }), over);
    } catch (error) {
      throw over.aborted ? over.reason : translateError(error);
    } finally {
      cancelTimer();
      unfollow();
      this.#calls.delete(call);
    }
  }
}

function timedOut(timeoutMs: number): StoreUnavailableError {
  return new StoreUnavailableError(`No answer from the Etcd3 client within ${timeoutMs} ms`, {
    status: "DEADLINE_EXCEEDED",
  });
}
