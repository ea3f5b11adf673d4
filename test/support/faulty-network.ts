import { type Clock, sleep } from "../../src/clock.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { CallOptions, Etcd, WatchObserver } from "../../src/etcd/api.ts";
import { onAbort } from "../../src/signals.ts";
import type { Random } from "./seeded-random.ts";
import { wrappedEtcd } from "./wrapped-etcd.ts";

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
  const pause = (ms: number, by = clock): Promise<void> => sleep(by, ms);

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
        await pause(random() * 10);
        if (network.cut || kind < 0.3) return;
        // Carried out up to seven seconds late, as through a leader that was stopped.
        if (kind < 0.6) await pause(random() * 7_000);
        const reply = request();
        await reply.catch(() => {});
        if (kind >= 0.6 && kind < 0.9) return;
        await pause(random() * 10, clientClock);
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
    ...wrappedEtcd(inner, (_name, send, options) => call(() => send(), options)),
    close: async () => {},
    watch(request, observer) {
      // In order, but late, and not while the way is cut.
      let queue = Promise.resolve();
      let closed = false;
      const later = (tell: (observer: WatchObserver) => void): void => {
        queue = queue.then(async () => {
          await pause(random() * 20, clientClock);
          while (network.cut && !closed) await pause(50, clientClock);
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
