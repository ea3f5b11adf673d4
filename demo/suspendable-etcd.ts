import type { Etcd, Watch } from "microlock";
import type { Lifeline } from "./lifeline.ts";

/**
 * The way of one replica to a store that others use as well. While the replica is paused
 * nothing gets through; once it is cut off, nothing ever does. The store itself goes on.
 */
export function suspendableEtcd(store: Etcd, lifeline: Lifeline): Etcd {
  const call = <T>(send: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      lifeline.deliver(() => lifeline.carry(send()).then(resolve, reject));
    });

  return {
    txn: (request, options) => call(() => store.txn(request, options)),
    compact: (revision, options) => call(() => store.compact(revision, options)),
    leaseGrant: (request, options) => call(() => store.leaseGrant(request, options)),
    leaseKeepAlive: (id, options) => call(() => store.leaseKeepAlive(id, options)),
    leaseRevoke: (id, options) => call(() => store.leaseRevoke(id, options)),
    leaseTimeToLive: (request, options) => call(() => store.leaseTimeToLive(request, options)),
    watch(request, observer): Watch {
      let open = true;
      const tell = (what: () => void): void => {
        // A watch that was closed while events were due must not tell of them.
        lifeline.deliver(() => open && what());
      };
      const watch = store.watch(request, {
        onCreated: (revision) => tell(() => observer.onCreated?.(revision)),
        onEvents: (events) => tell(() => observer.onEvents(events)),
        onEnd: (error) => tell(() => observer.onEnd(error)),
      });
      const close = (): void => {
        open = false;
        forget();
        watch.close();
      };
      const forget = lifeline.onCut(close);
      return { close };
    },
    // The store is everybody's, and not for one replica to close.
    close: async () => {},
  };
}
