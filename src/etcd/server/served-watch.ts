import { CompactedError } from "../../errors.ts";
import type { KeyRange, Watch, WatchEvent } from "../api.ts";
import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import type { WatchCreation } from "../wire/watch-messages-received.ts";

/** Whom a watch tells. */
export interface WatchOutlet {
  /** Whether the client lags behind so far that it should hear no more for now. */
  readonly isCongested: boolean;
  onEvents(watch: ServedWatch, events: readonly WatchEvent[], revision: bigint): void;
  /** It could not tell what happened, and has to be resumed. */
  onPaused(watch: ServedWatch): void;
  /** What it was to tell next is forgotten: it is over. */
  onCompacted(watch: ServedWatch, compactRevision: bigint): void;
  onEnd(error: Error): void;
}

/**
 * One watch of a client. While the client does not read, it keeps nothing but the revision to
 * go on from: the store's history has the rest, or says that it has it no more.
 */
export class ServedWatch {
  readonly id: bigint;
  readonly request: WatchCreation;
  readonly #store: EmbeddedEtcd;
  readonly #range: KeyRange;
  readonly #outlet: WatchOutlet;
  #watch: Watch | undefined;
  #next: bigint;
  /** Whether it has told something since somebody last asked. */
  hasTold = false;

  constructor(store: EmbeddedEtcd, id: bigint, request: WatchCreation, outlet: WatchOutlet) {
    this.id = id;
    this.request = request;
    this.#store = store;
    this.#range = { key: request.key, rangeEnd: request.rangeEnd };
    this.#outlet = outlet;
    this.#next = request.startRevision;
  }

  /** Watches, from the beginning or from where it was paused. */
  start(): void {
    this.#watch = this.#store.watch(
      {
        ...this.#range,
        startRevision: this.#next === 0n ? undefined : this.#next,
        prevKv: this.request.prevKv,
      },
      {
        onEvents: (events) => this.#tell(events),
        onEnd: (error) => {
          if (error instanceof CompactedError) {
            this.#outlet.onCompacted(this, error.compactRevision);
          } else this.#outlet.onEnd(error);
        },
      },
    );
  }

  close(): void {
    this.#watch?.close();
  }

  #tell(events: readonly WatchEvent[]): void {
    const revision = events[0]?.kv.modRevision ?? 0n;
    const { without } = this.request;
    const wanted = without.size > 0 ? events.filter(({ type }) => !without.has(type)) : events;
    if (wanted.length === 0) return;
    if (this.#outlet.isCongested) {
      this.#next = revision;
      this.close();
      this.#outlet.onPaused(this);
      return;
    }
    this.hasTold = true;
    this.#outlet.onEvents(this, wanted, revision);
  }
}
