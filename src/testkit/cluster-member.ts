import type {
  Etcd,
  RequestOp,
  TxnRequest,
  Watch,
  WatchObserver,
  WatchRequest,
} from "../etcd/api.ts";

/** What a call is, as far as it matters to a cluster. */
export interface MemberCall {
  readonly name: Exclude<keyof Etcd, "watch" | "close">;
  /** Whether it needs room on the disk. */
  readonly writes: boolean;
  /** Which lease it is about, or 0. */
  readonly lease: bigint;
}

/** What a member does with what it is asked. */
export interface Cluster {
  carry<T>(call: MemberCall, send: (etcd: Etcd) => Promise<T>): Promise<T>;
  watch(request: WatchRequest, observer: WatchObserver): Watch;
}

/** One member of a cluster, as a client reaches it. */
export class ClusterMember implements Etcd {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  txn: Etcd["txn"] = (request, options) => {
    const call: MemberCall = { name: "txn", writes: puts(request), lease: 0n };
    return this.#cluster.carry(call, (etcd) => etcd.txn(request, options));
  };

  compact: Etcd["compact"] = (revision, options) =>
    this.#carry("compact", (etcd) => etcd.compact(revision, options));

  leaseGrant: Etcd["leaseGrant"] = (request, options) => {
    const call: MemberCall = { name: "leaseGrant", writes: true, lease: request.id ?? 0n };
    return this.#cluster.carry(call, (etcd) => etcd.leaseGrant(request, options));
  };

  leaseKeepAlive: Etcd["leaseKeepAlive"] = (id, options) =>
    this.#carry("leaseKeepAlive", (etcd) => etcd.leaseKeepAlive(id, options), id);

  leaseRevoke: Etcd["leaseRevoke"] = (id, options) =>
    this.#carry("leaseRevoke", (etcd) => etcd.leaseRevoke(id, options), id);

  leaseTimeToLive: Etcd["leaseTimeToLive"] = (request, options) =>
    this.#carry("leaseTimeToLive", (etcd) => etcd.leaseTimeToLive(request, options), request.id);

  watch(request: WatchRequest, observer: WatchObserver): Watch {
    return this.#cluster.watch(request, observer);
  }

  /** Does nothing: the cluster is not the client's. */
  async close(): Promise<void> {}

  #carry<T>(name: MemberCall["name"], send: (etcd: Etcd) => Promise<T>, lease = 0n): Promise<T> {
    return this.#cluster.carry({ name, writes: false, lease }, send);
  }
}

/** Whether it may put something: deletions need no room. */
function puts({ success = [], failure = [] }: TxnRequest): boolean {
  return [...success, ...failure].some(isPut);
}

function isPut({ op, request }: RequestOp): boolean {
  return op === "put" || (op === "txn" && puts(request as TxnRequest));
}
