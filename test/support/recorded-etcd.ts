import type { Etcd } from "../../src/etcd/api.ts";

type Call = "txn" | "leaseGrant" | "leaseKeepAlive" | "leaseRevoke" | "watch";

/** An etcd that behaves like `inner`, counts what it is asked, and can be told to misbehave. */
export interface RecordedEtcd extends Etcd {
  /** How often each call was made since the last `forget`. */
  readonly calls: Record<Call, number>;
  /** Watches that were opened and not closed. */
  readonly openWatches: number;
  forget(): void;
  /** Stands in for a call from now on; undefined puts the real one back. */
  override<Name extends Call>(name: Name, instead: Etcd[Name] | undefined): void;
}

/** Wraps an etcd for a test to look over its shoulder. */
export function recordedEtcd(inner: Etcd): RecordedEtcd {
  const calls = { txn: 0, leaseGrant: 0, leaseKeepAlive: 0, leaseRevoke: 0, watch: 0 };
  const overrides: Partial<Pick<Etcd, Call>> = {};
  let openWatches = 0;
  const store = (name: Call): Etcd => {
    calls[name] += 1;
    return { ...bound(inner), ...overrides };
  };
  return {
    calls,
    get openWatches() {
      return openWatches;
    },
    forget() {
      for (const name of Object.keys(calls) as Call[]) calls[name] = 0;
    },
    override(name, instead) {
      if (instead) overrides[name] = instead;
      else delete overrides[name];
    },
    txn: (request, options) => store("txn").txn(request, options),
    leaseGrant: (request, options) => store("leaseGrant").leaseGrant(request, options),
    leaseKeepAlive: (id, options) => store("leaseKeepAlive").leaseKeepAlive(id, options),
    leaseRevoke: (id, options) => store("leaseRevoke").leaseRevoke(id, options),
    leaseTimeToLive: (request, options) => inner.leaseTimeToLive(request, options),
    compact: (revision, options) => inner.compact(revision, options),
    close: () => inner.close(),
    watch(request, observer) {
      const watch = store("watch").watch(request, observer);
      let open = true;
      openWatches += 1;
      return {
        close() {
          if (open) openWatches -= 1;
          open = false;
          watch.close();
        },
      };
    },
  };
}

function bound(etcd: Etcd): Etcd {
  return {
    txn: (request, options) => etcd.txn(request, options),
    compact: (revision, options) => etcd.compact(revision, options),
    leaseGrant: (request, options) => etcd.leaseGrant(request, options),
    leaseKeepAlive: (id, options) => etcd.leaseKeepAlive(id, options),
    leaseRevoke: (id, options) => etcd.leaseRevoke(id, options),
    leaseTimeToLive: (request, options) => etcd.leaseTimeToLive(request, options),
    watch: (request, observer) => etcd.watch(request, observer),
    close: () => etcd.close(),
  };
}
