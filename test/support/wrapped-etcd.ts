import type { CallOptions, Etcd } from "../../src/etcd/api.ts";

/** The calls that wait for one answer. */
export type UnaryCall = Exclude<keyof Etcd, "watch" | "close">;

/** Carries out one call, or makes a mess of it. `send` makes the request of the etcd behind. */
export type Carrier = <T>(
  name: UnaryCall,
  send: (options?: CallOptions) => Promise<T>,
  options: CallOptions | undefined,
) => Promise<T>;

/** The same etcd, each call of which goes through `carry`. */
export function wrappedEtcd(inner: Etcd, carry: Carrier): Etcd {
  return {
    txn: (request, options) => carry("txn", (to) => inner.txn(request, to), options),
    compact: (revision, options) => carry("compact", (to) => inner.compact(revision, to), options),
    leaseGrant: (request, options) =>
      carry("leaseGrant", (to) => inner.leaseGrant(request, to), options),
    leaseKeepAlive: (id, options) =>
      carry("leaseKeepAlive", (to) => inner.leaseKeepAlive(id, to), options),
    leaseRevoke: (id, options) => carry("leaseRevoke", (to) => inner.leaseRevoke(id, to), options),
    leaseTimeToLive: (request, options) =>
      carry("leaseTimeToLive", (to) => inner.leaseTimeToLive(request, to), options),
    watch: (request, observer) => inner.watch(request, observer),
    close: () => inner.close(),
  };
}
