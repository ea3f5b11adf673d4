import { type Clock, systemClock } from "../../clock.ts";
import { ClosedError, CompactedError, InvalidOptionError } from "../../errors.ts";
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
  ResponseHeader,
  TxnRequest,
  TxnResponse,
  Watch,
  WatchObserver,
  WatchRequest,
} from "../api.ts";
import { checkTxn } from "./check-txn.ts";
import type { Change } from "./history.ts";
import { isSingleKey, keyBytes, keyString, spanOf } from "./key-string.ts";
import { Keyspace, type KeyspaceSnapshot } from "./keyspace.ts";
import { type Lease, Lessor } from "./lessor.ts";
import { refusal } from "./refusals.ts";
import { carryOut } from "./txn.ts";
import { WatchHub } from "./watch-hub.ts";

/** How an embedded store is set up. */
export interface EmbeddedEtcdOptions {
  /** What leases are timed by. @default the system's clock */
  readonly clock?: Clock | undefined;
  /**
   * How many of the latest revisions can still be read and watched. What is older is compacted
   * as the store goes along, so that its memory does not grow for ever. `Infinity` leaves that
   * to calls of `compact`.
   *
   * @default 10_000
   */
  readonly historyLimit?: number | undefined;
  /** What the store begins with. Its leases get their full time anew. @default nothing */
  readonly snapshot?: StoreSnapshot | undefined;
}

/** All that a store held at one moment. */
export interface StoreSnapshot {
  readonly keyspace: KeyspaceSnapshot;
  readonly leases: readonly Pick<Lease, "id" | "ttl">[];
}

/** Which leases there are. No call of the port, but one of etcd's. */
export interface LeaseLeasesResponse {
  readonly header: ResponseHeader;
  readonly ids: readonly bigint[];
}

// The store has no cluster, so these never change.
const clusterId = 0x6d69_6372_6f6c_6f63n;
const memberId = 0x6b6b_6b6bn;

/**
 * Etcd in this process: the same answers to the same requests, and the same refusals.
 *
 * Nothing is stored on disk, nothing is shared with other processes, and whoever drops the
 * store drops its contents. A call takes effect before it returns; only its answer, and what
 * watches have to tell, comes later. Keys and values are copied as they come in, but not as
 * they go out: what an answer or an event carries is not to be written to.
 */
export class EmbeddedEtcd implements Etcd {
  readonly #keyspace: Keyspace;
  readonly #lessor: Lessor;
  readonly #hub = new WatchHub();
  #raftTerm = 1n;
  #isClosed = false;

  constructor(options: EmbeddedEtcdOptions = {}) {
    const { clock = systemClock, historyLimit = 10_000, snapshot } = options;
    if (!(historyLimit >= 1 && (Number.isInteger(historyLimit) || historyLimit === Infinity))) {
      throw new InvalidOptionError("historyLimit", "a positive integer or Infinity", historyLimit);
    }
    this.#lessor = new Lessor(clock, (lease) => this.#deleteKeysOf(lease));
    this.#keyspace = new Keyspace(
      historyLimit,
      (commit) => {
        for (const change of commit.changes) this.#bind(change);
        this.#hub.publish(commit);
      },
      snapshot?.keyspace,
    );
    for (const { id, ttl } of snapshot?.leases ?? []) this.#lessor.grant(ttl, id);
    for (const { key, lease } of snapshot?.keyspace.kvs ?? []) {
      this.#lessor.get(lease)?.keys.add(keyString(key));
    }
  }

  async txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    this.#enter(options);
    checkTxn(request);
    const hasLease = (id: bigint): boolean => this.#lessor.get(id) !== undefined;
    const { succeeded, responses } = carryOut(this.#keyspace, hasLease, request);
    return { header: this.#header(), succeeded, responses };
  }

  async compact(revision: bigint, options?: CallOptions): Promise<CompactResponse> {
    this.#enter(options);
    if (revision <= this.#keyspace.compactRevision) throw refusal("compacted");
    if (revision > this.#keyspace.revision) throw refusal("futureRevision");
    this.#keyspace.compact(revision);
    return { header: this.#header() };
  }

  async leaseGrant(
    { ttl, id }: LeaseGrantRequest,
    options?: CallOptions,
  ): Promise<LeaseGrantResponse> {
    this.#enter(options);
    const lease = this.#lessor.grant(ttl, id || undefined);
    return { header: this.#header(), id: lease.id, ttl: lease.ttl };
  }

  async leaseKeepAlive(id: bigint, options?: CallOptions): Promise<LeaseKeepAliveResponse> {
    this.#enter(options);
    const lease = this.#lessor.get(id);
    if (lease) this.#lessor.renew(lease);
    return { header: this.#header(), ttl: lease?.ttl ?? 0n };
  }

  async leaseRevoke(id: bigint, options?: CallOptions): Promise<LeaseRevokeResponse> {
    this.#enter(options);
    const lease = this.#lessor.get(id);
    if (!lease) throw refusal("leaseNotFound");
    this.#lessor.remove(lease);
    this.#deleteKeysOf(lease);
    return { header: this.#header() };
  }

  async leaseTimeToLive(
    { id, keys = false }: LeaseTimeToLiveRequest,
    options?: CallOptions,
  ): Promise<LeaseTimeToLiveResponse> {
    this.#enter(options);
    const lease = this.#lessor.get(id);
    if (!lease) return { header: this.#header(), ttl: -1n, grantedTtl: 0n, keys: [] };
    return {
      header: this.#header(),
      ttl: this.#lessor.secondsLeft(lease),
      grantedTtl: lease.ttl,
      keys: keys ? [...lease.keys].map(keyBytes) : [],
    };
  }

  /** All leases, those that end first at the front. */
  async leaseLeases(options?: CallOptions): Promise<LeaseLeasesResponse> {
    this.#enter(options);
    return { header: this.#header(), ids: this.#lessor.byExpiry().map(({ id }) => id) };
  }

  watch(request: WatchRequest, observer: WatchObserver): Watch {
    if (this.#isClosed) return this.#hub.refuse(observer, new ClosedError("The store"));
    this.#lessor.endOverdue();
    const { revision, compactRevision } = this.#keyspace;
    // As etcd has it, an empty key is the first one that there can be.
    const range = request.key.length > 0 ? request : { ...request, key: new Uint8Array(1) };
    const { start, end } = spanOf(range);
    if (!isSingleKey(range) && end !== undefined && end <= start) {
      return this.#hub.refuse(observer, refusal("emptyWatchRange"));
    }
    const { startRevision = 0n } = range;
    if (startRevision < 0n || (startRevision > 0n && startRevision < compactRevision)) {
      return this.#hub.refuse(observer, new CompactedError(compactRevision), revision);
    }
    const missed = startRevision > 0n ? this.#keyspace.commitsFrom(startRevision) : [];
    return this.#hub.open(range, observer, { revision, missed, compactRevision });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#lessor.close();
    this.#hub.close(new ClosedError("The store"));
  }

  /** All leases that are alive, those that end first at the front. */
  get leases(): readonly Readonly<Pick<Lease, "id" | "ttl" | "expiresAt">>[] {
    return this.#lessor.byExpiry().map(({ id, ttl, expiresAt }) => ({ id, ttl, expiresAt }));
  }

  /** All that is in the store now. */
  snapshot(): StoreSnapshot {
    const leases = this.#lessor.byExpiry().map(({ id, ttl }) => ({ id, ttl }));
    return { keyspace: this.#keyspace.snapshot(), leases };
  }

  /** As a cluster without a leader has it: no lease ends until the next election. */
  loseLeader(): void {
    this.#lessor.demote();
  }

  /**
   * As a cluster with a new leader has it: the term of its answers is one more, and all leases
   * begin anew, with `extendMs` on top.
   */
  elect(extendMs = 0): void {
    this.#raftTerm += 1n;
    this.#lessor.promote(extendMs);
  }

  /** Where the store stands. */
  get header(): ResponseHeader {
    if (!this.#isClosed) this.#lessor.endOverdue();
    return this.#header();
  }

  /** The oldest revision that can be read and watched; -1 as long as all of them can. */
  get compactRevision(): bigint {
    return this.#keyspace.compactRevision;
  }

  /** How many keys there are. For tests that look for what was left behind. */
  get keyCount(): number {
    return this.#keyspace.size;
  }

  /** How many leases are alive. For tests that look for what was left behind. */
  get leaseCount(): number {
    return this.#lessor.leaseCount;
  }

  /** How many watches are open. For tests that look for what was left behind. */
  get watchCount(): number {
    return this.#hub.watchCount;
  }

  /** How many timers the store has set: one as long as there are leases. For tests. */
  get timerCount(): number {
    return this.#lessor.timerCount;
  }

  /** Comes before every call, so that none of them sees a lease whose time is over. */
  #enter(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#isClosed) throw new ClosedError("The store");
    this.#lessor.endOverdue();
  }

  #header(): ResponseHeader {
    return { clusterId, memberId, revision: this.#keyspace.revision, raftTerm: this.#raftTerm };
  }

  /** Takes a changed key from its old lease to its new one. */
  #bind({ key, kv, prev }: Change): void {
    if (prev && prev.lease !== 0n) this.#lessor.get(prev.lease)?.keys.delete(key);
    if (kv.lease !== 0n) this.#lessor.get(kv.lease)?.keys.add(key);
  }

  /** All at one revision, in the order of the keys. */
  #deleteKeysOf(lease: Lease): void {
    const keys = [...lease.keys].sort();
    this.#keyspace.write(() => {
      for (const key of keys) this.#keyspace.delete({ key: keyBytes(key) });
    });
  }
}
