import type { Scheduler } from "fast-check";
import type { Etcd, Watch } from "../../src/etcd/api.ts";
import { onAbort } from "../../src/signals.ts";
import { type Carrier, wrappedEtcd } from "./wrapped-etcd.ts";

/** One client's way to the store. */
export interface ScheduledEtcd extends Etcd {
  /** The leases that were granted to the client, but for those that are to outlast it. */
  readonly leases: readonly bigint[];
  /** Those that it asked for: for more than a quarter of an hour. */
  readonly lasting: readonly bigint[];
  /** Those whose answer nobody waited for: they may be granted after they were revoked. */
  readonly overtaken: readonly bigint[];
  /**
   * From now on the client is dead: it sends nothing and hears nothing. What it sent before
   * still arrives.
   */
  die(): void;
}

const never = (): Promise<never> => new Promise(() => {});

/**
 * The same etcd, behind a network that delays each request, each reply and each event of a
 * watch as the scheduler picks. The events of one watch stay in order.
 */
export function scheduledEtcd(inner: Etcd, scheduler: Scheduler, client: string): ScheduledEtcd {
  const leases: bigint[] = [];
  const lasting: bigint[] = [];
  const overtaken: bigint[] = [];
  const closeWatches = new Set<() => void>();
  let isDead = false;
  const turn = (label: string): Promise<void> =>
    scheduler.schedule(Promise.resolve(), `${client} ${label}`);

  const carry: Carrier = (name, send, options) => {
    if (isDead) return never();
    const travel = async () => {
      await turn(`${name} request`);
      const reply = send();
      // Some replies are failures: they take their time as well.
      await reply.catch(() => {});
      await turn(`${name} reply`);
      return isDead ? never() : reply;
    };
    const { signal } = options ?? {};
    return new Promise((resolve, reject) => {
      const stop = signal ? onAbort(signal, () => reject(signal.reason)) : () => {};
      travel().then(resolve, reject).finally(stop);
    });
  };
  const wrapped = wrappedEtcd(inner, carry);

  return {
    ...wrapped,
    leases,
    lasting,
    overtaken,
    async leaseGrant(request, options) {
      const { id = 0n, ttl } = request;
      if (ttl > 900n) lasting.push(id);
      const granted = await wrapped.leaseGrant(request, options).catch((error) => {
        overtaken.push(id);
        throw error;
      });
      if (ttl <= 900n) leases.push(granted.id);
      return granted;
    },
    watch(request, observer) {
      let last = Promise.resolve();
      let isClosed = false;
      let watch: Watch | undefined;
      const later = (what: string, tell: () => void): void => {
        last = last
          .then(() => turn(`watch ${what}`))
          .then(() => {
            if (!isClosed) tell();
          });
      };
      later("request", () => {
        watch = inner.watch(request, {
          onCreated: (revision) => later("created", () => observer.onCreated?.(revision)),
          onEvents: (events) => later("events", () => observer.onEvents(events)),
          onEnd: (error) => later("end", () => observer.onEnd(error)),
        });
      });
      const close = (): void => {
        isClosed = true;
        closeWatches.delete(close);
        watch?.close();
      };
      closeWatches.add(close);
      return { close };
    },
    die() {
      isDead = true;
      for (const close of [...closeWatches]) close();
    },
    close: async () => {},
  };
}
