import type { Etcd, Watch, WatchObserver, WatchRequest } from "../etcd/api.ts";

/**
 * A watch that can be opened anew, at the same store or another member, and goes on where it was:
 * as a client's watch does over reconnections.
 */
export class FollowedWatch {
  readonly #request: WatchRequest;
  readonly #observer: WatchObserver;
  /** The first revision that it has not heard of; absent until it stands. */
  #next: bigint | undefined;
  #watch: Watch | undefined;
  /** How often it was opened: what an earlier one still has to tell is not heard. */
  #openings = 0;

  constructor(request: WatchRequest, observer: WatchObserver) {
    this.#request = request;
    this.#observer = observer;
    this.#next = request.startRevision;
  }

  open(etcd: Pick<Etcd, "watch">): void {
    this.close();
    this.#openings += 1;
    const opening = this.#openings;
    const isCurrent = (): boolean => this.#openings === opening;
    const startRevision = this.#next;
    const request = startRevision === undefined ? {} : { startRevision };
    this.#watch = etcd.watch(
      { ...this.#request, ...request },
      {
        onCreated: (revision) => {
          if (!isCurrent()) return;
          this.#next ??= revision + 1n;
          this.#observer.onCreated?.(revision);
        },
        onEvents: (events) => {
          if (!isCurrent()) return;
          const last = events.at(-1)?.kv.modRevision ?? 0n;
          if (this.#next === undefined || last >= this.#next) this.#next = last + 1n;
          this.#observer.onEvents(events);
        },
        onEnd: (error) => {
          if (isCurrent()) this.#observer.onEnd(error);
        },
      },
    );
  }

  /** It hears nothing any more until it is opened anew. */
  close(): void {
    this.#openings += 1;
    this.#watch?.close();
    this.#watch = undefined;
  }
}
