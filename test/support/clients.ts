import { connect } from "../../src/connect.ts";
import type { ConnectOptions } from "../../src/connect-options.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import { allKeys } from "./keys.ts";
import { type RecordedEtcd, recordedEtcd } from "./recorded-etcd.ts";
import { SimulatedClock, settle } from "./simulated-clock.ts";

/** A store of its own, a clock that stands still, and clients on both. */
export interface Bench {
  readonly etcd: RecordedEtcd;
  readonly store: EmbeddedEtcd;
  readonly clock: SimulatedClock;
  client(options?: Omit<ConnectOptions, "store" | "clock">): Promise<Locks>;
  /** Every key in the store but those of sessions. */
  keys(): Promise<string[]>;
  /** Closes the clients, and finds out what was left behind. */
  leftovers(): Promise<{ keys: number; watches: number; timers: number; leases: number }>;
}

/** What most tests of the core work on. */
export function openBench(): Bench {
  const clock = new SimulatedClock();
  const store = new EmbeddedEtcd({ clock });
  const etcd = recordedEtcd(store);
  const clients: Locks[] = [];
  return {
    clock,
    store,
    etcd,
    async client(options = {}) {
      const locks = await connect({ store: etcd, clock, ttlMs: 9_000, ...options });
      clients.push(locks);
      await settle();
      etcd.forget();
      return locks;
    },
    async keys() {
      return (await allKeys(store)).filter((key) => !key.includes("%session"));
    },
    async leftovers() {
      await Promise.all(clients.map((locks) => locks.close()));
      await settle();
      return {
        keys: (await allKeys(store)).length,
        watches: etcd.openWatches,
        timers: clock.timerCount,
        leases: store.leaseCount,
      };
    },
  };
}

export const nothing = { keys: 0, watches: 0, timers: 0, leases: 0 };
