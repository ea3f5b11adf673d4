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

/** Where and when an answer was given. */
export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The store's revision when the request was carried out. */
  readonly revision: bigint;
  /** The term of the leader, as the member that answered knows it. */
  readonly raftTerm: bigint;
}

/** A key as it stands in the store. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /**
   * The store revision at which the key came to be. Revisions only grow, so it orders the
   * contenders of a lock, and serves the winner as its fencing token.
   */
  readonly createRevision: bigint;
  /** The store revision of the last change. */
  readonly modRevision: bigint;
  /** 1 when created, one more with every put. */
  readonly version: bigint;
  /** The lease that the key is bound to; 0 for none. */
  readonly lease: bigint;
}

/**
 * One key, or with `rangeEnd` all keys from `key` up to but without it. A `rangeEnd` of a
 * single zero byte means: to the end.
 */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array | undefined;
}

export type SortTarget = "key" | "version" | "createRevision" | "modRevision" | "value";

export interface RangeRequest extends KeyRange {
  /** How many keys to return at the most; 0 or absent for all. */
  readonly limit?: bigint | undefined;
  /** Reads the store as it was at that revision; 0 or absent for now. */
  readonly revision?: bigint | undefined;
  readonly sort?:
    | { readonly by: SortTarget; readonly order: "ascending" | "descending" }
    | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  /** Filters, applied after the keys were read and counted; 0 or absent for none. */
  readonly minModRevision?: bigint | undefined;
  readonly maxModRevision?: bigint | undefined;
  readonly minCreateRevision?: bigint | undefined;
  readonly maxCreateRevision?: bigint | undefined;
}

export interface RangeResponse {
  readonly kvs: readonly KeyValue[];
  /** Whether `limit` cut the answer short. */
  readonly more: boolean;
  /** How many keys the range has, whatever `limit` and the filters are. */
  readonly count: bigint;
}

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Binds the key to a lease; 0 or absent for none. */
  readonly lease?: bigint | undefined;
  readonly prevKv?: boolean | undefined;
  /** Keeps the present value; `value` must be empty. */
  readonly ignoreValue?: boolean | undefined;
  /** Keeps the present lease; `lease` must be 0. */
  readonly ignoreLease?: boolean | undefined;
}

export interface PutResponse {
  readonly prevKv?: KeyValue | undefined;
}

export interface DeleteRangeRequest extends KeyRange {
  readonly prevKv?: boolean | undefined;
}

export interface DeleteRangeResponse {
  readonly deleted: bigint;
  readonly prevKvs: readonly KeyValue[];
}

/**
 * A condition on one key, or on every key of a range. A key that does not exist has
 * version, revisions and lease 0, and fails every comparison of its value.
 */
export type Compare = KeyRange & {
  readonly result: "equal" | "notEqual" | "greater" | "less";
} & (
    | {
        readonly target: "version" | "createRevision" | "modRevision" | "lease";
        readonly operand: bigint;
      }
    | { readonly target: "value"; readonly operand: Uint8Array }
  );

export type RequestOp =
  | { readonly op: "range"; readonly request: RangeRequest }
  | { readonly op: "put"; readonly request: PutRequest }
  | { readonly op: "deleteRange"; readonly request: DeleteRangeRequest }
  | { readonly op: "txn"; readonly request: TxnRequest };

export type ResponseOp =
  | { readonly op: "range"; readonly response: RangeResponse }
  | { readonly op: "put"; readonly response: PutResponse }
  | { readonly op: "deleteRange"; readonly response: DeleteRangeResponse }
  | { readonly op: "txn"; readonly response: TxnResult };

export interface TxnRequest {
  readonly compare?: readonly Compare[] | undefined;
  readonly success?: readonly RequestOp[] | undefined;
  readonly failure?: readonly RequestOp[] | undefined;
}

/** What a transaction came to: which branch, and an answer for each of its operations. */
export interface TxnResult {
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface TxnResponse extends TxnResult {
  readonly header: ResponseHeader;
}

export interface CompactResponse {
  readonly header: ResponseHeader;
}

export interface LeaseGrantRequest {
  /** In seconds, as etcd counts leases. */
  readonly ttl: bigint;
  /** The lease's id; 0 or absent to let the store choose one. */
  readonly id?: bigint | undefined;
}

export interface LeaseGrantResponse {
  readonly header: ResponseHeader;
  readonly id: bigint;
  /** The TTL that the store granted, in seconds. */
  readonly ttl: bigint;
}

export interface LeaseKeepAliveResponse {
  readonly header: ResponseHeader;
  /** The seconds that the lease has from now; 0 when it is gone. */
  readonly ttl: bigint;
}

export interface LeaseRevokeResponse {
  readonly header: ResponseHeader;
}

export interface LeaseTimeToLiveRequest {
  readonly id: bigint;
  /** Whether to list the keys that are bound to the lease. */
  readonly keys?: boolean | undefined;
}

export interface LeaseTimeToLiveResponse {
  readonly header: ResponseHeader;
  /** The seconds left; -1 when the lease is gone. */
  readonly ttl: bigint;
  readonly grantedTtl: bigint;
  readonly keys: readonly Uint8Array[];
}

export interface WatchRequest extends KeyRange {
  /**
   * The first revision of interest. Absent: everything after the moment at which the watch
   * came to stand, which `onCreated` tells. Etcd serves a watch from a past revision up to
   * 100 ms late, one without a start revision at once.
   */
  readonly startRevision?: bigint | undefined;
  /** Whether events carry the state before the change. */
  readonly prevKv?: boolean | undefined;
}

export interface WatchEvent {
  readonly type: "put" | "delete";
  /** For a deletion only `key` and `modRevision` say something. */
  readonly kv: KeyValue;
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
