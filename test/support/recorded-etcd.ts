import type { Etcd } from "../../src/etcd/api.ts";

type Call = "txn" | "leaseGrant" | "leaseKeepAlive" | "leaseRevoke" | "watch";

/** An etcd that behaves like `inner`, counts what it is asked, and can be told to misbehave. */
export interface RecordedEtcd extends Etcd {
  /** How often each call was made since the last `forget`. */
  readonly calls: Record<Call, number>;
  /** Watches that were opened, and have neither ended nor been closed. */
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
  const target = <Name extends Call>(name: Name): Etcd[Name] => {
    calls[name] += 1;
    return overrides[name] ?? (inner[name].bind(inner) as Etcd[Name]);
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
    txn: (request, options) => target("txn")(request, options),
    leaseGrant: (request, options) => target("leaseGrant")(request, options),
    leaseKeepAlive: (id, options) => target("leaseKeepAlive")(id, options),
    leaseRevoke: (id, options) => target("leaseRevoke")(id, options),
    leaseTimeToLive: (request, options) => inner.leaseTimeToLive(request, options),
    compact: (revision, options) => inner.compact(revision, options),
    close: () => inner.close(),
    watch(request, observer) {
      let open = true;
      const ended = (): void => {
        if (open) openWatches -= 1;
        open = false;
      };
      openWatches += 1;
      const watch = target("watch")(request, {
        onCreated: (revision) => observer.onCreated?.(revision),
        onEvents: (events) => observer.onEvents(events),
        onEnd(error) {
          ended();
          observer.onEnd(error);
        },
      });
      return {
        close() {
          ended();
          watch.close();
        },
      };
    },
  };
}
