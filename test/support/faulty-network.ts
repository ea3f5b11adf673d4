import type { Clock } from "../../src/clock.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { CallOptions, Etcd, WatchObserver } from "../../src/etcd/api.ts";
import { onAbort } from "../../src/signals.ts";

/** Draws numbers from 0 up to but without 1. The same seed gives the same numbers. */
export type Random = () => number;

/** A small generator of good quality (mulberry32), so that a run can be repeated by its seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One client's way to the store. */
export interface FaultyNetwork extends Etcd {
  /** From now on nothing gets through, either way, until it is healed. */
  cut: boolean;
  /** How often something goes wrong with a request, from 0 to 1. */
  faultRate: number;
  /** From now on no watch hears of anything that happens, as with an old server. */
  deaf: boolean;
  /** Ends all watches, as a compaction does. */
  endWatches(error: Error): void;
}

/**
 * The same etcd behind a network that delays each request and reply, loses some, and
 * carries out others long after the client has given up on them. What the client is told waits
 * for the client's own clock.
 */
export function faultyNetwork(
  inner: Etcd,
  clock: Clock,
  random: Random,
  clientClock = clock,
): FaultyNetwork {
  const ends = new Set<(error: Error) => void>();
  const sleep = (ms: number, by = clock): Promise<void> =>
    new Promise((resolve) => by.setTimer(ms, () => resolve()));

  const call = <T>(request: () => Promise<T>, options: CallOptions = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      const { signal, timeoutMs = 5_000 } = options;
      const stopListening = signal
        ? onAbort(signal, () => settle(() => reject(signal.reason)))
        : undefined;
      const cancel = clientClock.setTimer(timeoutMs, () =>
        settle(() => reject(new StoreUnavailableError("lost", { status: "DEADLINE_EXCEEDED" }))),
      );
      const settle = (outcome: () => void): void => {
        cancel();
        stopListening?.();
        outcome();
      };
      const travel = async (): Promise<void> => {
        const faulty = random() < network.faultRate;
        const kind = faulty ? random() : 1;
        await sleep(random() * 10);
        if (network.cut || kind < 0.3) return;
        // Carried out up to seven seconds late, as through a leader that was stopped.
        if (kind < 0.6) await sleep(random() * 7_000);
        const reply = request();
        await reply.catch(() => {});
        if (kind >= 0.6 && kind < 0.9) return;
        await sleep(random() * 10, clientClock);
        if (!network.cut)
          reply.then(
            (value) => settle(() => resolve(value)),
            (error) => settle(() => reject(error)),
          );
      };
      void travel();
    });

  const network: FaultyNetwork = {
    cut: false,
    faultRate: 0,
    deaf: false,
    endWatches: (error) => {
      for (const end of [...ends]) end(error);
    },
    txn: (request, options) => call(() => inner.txn(request), options),
    compact: (revision, options) => call(() => inner.compact(revision), options),
    leaseGrant: (request, options) => call(() => inner.leaseGrant(request), options),
    leaseKeepAlive: (id, options) => call(() => inner.leaseKeepAlive(id), options),
    leaseRevoke: (id, options) => call(() => inner.leaseRevoke(id), options),
    leaseTimeToLive: (request, options) => call(() => inner.leaseTimeToLive(request), options),
    close: async () => {},
    watch(request, observer) {
      // In order, but late, and not while the way is cut.
      let queue = Promise.resolve();
      let closed = false;
      const later = (tell: (observer: WatchObserver) => void): void => {
        queue = queue.then(async () => {
          await sleep(random() * 20, clientClock);
          while (network.cut && !closed) await sleep(50, clientClock);
          if (!closed) tell(observer);
        });
      };
      const watch = inner.watch(request, {
        onCreated: (revision) => later((to) => to.onCreated?.(revision)),
        onEvents: (events) => {
          if (!network.deaf) later((to) => to.onEvents(events));
        },
        onEnd: (error) => later((to) => to.onEnd(error)),
      });
      const end = (error: Error): void => {
        watch.close();
        ends.delete(end);
        later((to) => to.onEnd(error));
      };
      ends.add(end);
      return {
        close() {
          closed = true;
          ends.delete(end);
          watch.close();
        },
      };
    },
  };
  return network;
}
