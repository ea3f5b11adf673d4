import type { Etcd, Watch, WatchObserver, WatchRequest } from "../etcd/api.ts";
import { FollowedWatch } from "./followed-watch.ts";

/** The way on which a watch is told of what happens. */
export interface WatchWay {
  /** Calls `tell` a little later, by the clock of the client. */
  delay(tell: () => void): void;
  /** Whether anything gets through. */
  isOpen(): boolean;
  /** Whether what happens is left out. */
  isDeaf(): boolean;
  onClosed(): void;
}

/** A watch behind a network: in order, but late, and not while the way is cut. */
export class SimulatedWatch implements Watch {
  readonly #observer: WatchObserver;
  readonly #way: WatchWay;
  readonly #followed: FollowedWatch;
  #untold: (() => void)[] = [];
  #isTelling = false;
  #isClosed = false;

  constructor(request: WatchRequest, observer: WatchObserver, way: WatchWay) {
    this.#observer = observer;
    this.#way = way;
    this.#followed = new FollowedWatch(request, {
      onCreated: (revision) => this.#later(() => observer.onCreated?.(revision)),
      onEvents: (events) => {
        if (!way.isDeaf()) this.#later(() => observer.onEvents(events));
      },
      onEnd: (error) => this.end(error),
    });
  }

  /** Opens it, or goes on elsewhere. */
  open(etcd: Etcd): void {
    this.#followed.open(etcd);
  }

  /** It is over for good, which is told after all that was before. */
  end(error: Error): void {
    this.#followed.close();
    this.#later(() => {
      this.close();
      this.#observer.onEnd(error);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#untold = [];
    this.#followed.close();
    this.#way.onClosed();
  }

  /** The way is open again. */
  goOn(): void {
    if (this.#untold.length === 0 || this.#isClosed || this.#isTelling) return;
    this.#isTelling = true;
    this.#way.delay(() => this.#tellNext());
  }

  #later(tell: () => void): void {
    if (this.#isClosed) return;
    this.#untold.push(tell);
    this.goOn();
  }

  #tellNext(): void {
    this.#isTelling = false;
    if (this.#isClosed) return;
    if (!this.#way.isOpen()) return;
    this.#untold.shift()?.();
    this.goOn();
  }
}
