import type {
  CompactResponse,
  KeyRange,
  KeyValue,
  ResponseHeader,
  TxnRequest,
  TxnResponse,
} from "./kv.ts";

export type * from "./kv.ts";

/**
 * The port: all that microlock asks of etcd, in etcd's own words. The gRPC adapter and the
 * embedded store answer it alike, down to the text of what they refuse.
 *
 * A call that rejects with `StoreUnavailableError` may still have been carried out, now or
 * a little later: the reply can be lost after the request arrived. So whoever calls must be
 * able to ask again. An adapter itself never asks twice, unless it knows that the first
 * request did not leave this machine. Any other rejection means that nothing was done.
 */
export interface Etcd {
  /** Carries out `success` if all of `compare` hold, else `failure`: atomically, at one revision. */
  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse>;

  /** Forgets all that was overwritten or deleted before `revision`. */
  compact(revision: bigint, options?: CallOptions): Promise<CompactResponse>;

  /** Opens a lease. The granted TTL may be longer than the one asked for: it is the one that counts. */
  leaseGrant(request: LeaseGrantRequest, options?: CallOptions): Promise<LeaseGrantResponse>;

  /** Renews a lease to its full TTL. Resolves with a `ttl` of 0 when it is already gone. */
  leaseKeepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResponse>;

  /** Ends a lease; every key bound to it goes with it. */
  leaseRevoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResponse>;

  /** How long a lease has left: a `ttl` of -1 when it is gone. */
  leaseTimeToLive(
    request: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResponse>;

  /**
   * Tells `observer` of every change in a range, in order, none left out, none twice, over
   * reconnections too, until the watch is closed or ends. It never throws; what is wrong
   * comes through `onEnd`, never before this call has returned.
   */
  watch(request: WatchRequest, observer: WatchObserver): Watch;

  /**
   * Ends all calls and watches, and leaves no socket and no timer. Calls under way and
   * later ones reject with `ClosedError`. Closing twice does nothing.
   */
  close(): Promise<void>;
}

/** What every call takes. */
export interface CallOptions {
  /** Gives up when it aborts, with its reason. The request may have been carried out. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after so many milliseconds, with `StoreUnavailableError` of status `DEADLINE_EXCEEDED`. */
  readonly timeoutMs?: number | undefined;
  /** Whether the process stays alive until there is an answer. @default true */
  readonly keepsProcessAlive?: boolean | undefined;
}

/** Which lease to open. */
export interface LeaseGrantRequest {
  /** In seconds, as etcd counts leases. */
  readonly ttl: bigint;
  /** The lease's id; 0 or absent to let the store choose one. */
  readonly id?: bigint | undefined;
}

/** A lease as it was granted. */
export interface LeaseGrantResponse {
  /** Where and when it was answered. */
  readonly header: ResponseHeader;
  /** The lease's id. */
  readonly id: bigint;
  /** The TTL that the store granted, in seconds. */
  readonly ttl: bigint;
}

/** What became of a keepalive. */
export interface LeaseKeepAliveResponse {
  /** Where and when it was answered. */
  readonly header: ResponseHeader;
  /** The seconds that the lease has from now; 0 when it is gone. */
  readonly ttl: bigint;
}

/** That a lease has ended, and its keys are gone. */
export interface LeaseRevokeResponse {
  /** Where and when it was answered. */
  readonly header: ResponseHeader;
}

/** Which lease to look at. */
export interface LeaseTimeToLiveRequest {
  /** The lease's id. */
  readonly id: bigint;
  /** Whether to list the keys that are bound to the lease. @default false */
  readonly keys?: boolean | undefined;
}

/** A lease as it stands. */
export interface LeaseTimeToLiveResponse {
  /** Where and when it was answered. */
  readonly header: ResponseHeader;
  /** The seconds left; -1 when the lease is gone. */
  readonly ttl: bigint;
  /** The TTL that it was granted with, in seconds; 0 when it is gone. */
  readonly grantedTtl: bigint;
  /** The keys that are bound to it, if they were asked for. */
  readonly keys: readonly Uint8Array[];
}

/** What to watch, and from when. */
export interface WatchRequest extends KeyRange {
  /**
   * The first revision of interest. Absent: everything after the moment at which the watch
   * came to stand, which `onCreated` tells. Etcd serves a watch from a past revision up to
   * 100 ms late, one without a start revision at once.
   */
  readonly startRevision?: bigint | undefined;
  /** Whether events carry the state before the change. @default false */
  readonly prevKv?: boolean | undefined;
}

/** One change of one key. */
export interface WatchEvent {
  /** An expired lease deletes its keys as anybody else does. */
  readonly type: "put" | "delete";
  /** For a deletion only `key` and `modRevision` say something. */
  readonly kv: KeyValue;
  /** The state before, if it was asked for and there was one. */
  readonly prevKv?: KeyValue | undefined;
}

/** Whoever watches. What its methods throw is the watcher's own fault and goes uncaught. */
export interface WatchObserver {
  /**
   * The watch stands, at the store's revision `revision`. Called again after each
   * reconnection; the events between are delivered in any case.
   */
  onCreated?(revision: bigint): void;

  /** What happened, in order; the events of one revision always come in one call. */
  onEvents(events: readonly WatchEvent[]): void;

  /**
   * The watch is over, for good: `CompactedError`, `StoreDeniedError`, another refusal, or
   * `ClosedError`. Not called after `close()`.
   */
  onEnd(error: Error): void;
}

/** A watch that goes on until it is closed. */
export interface Watch {
  /** Ends it: nothing is called afterwards. Closing twice does nothing. */
  close(): void;
}
