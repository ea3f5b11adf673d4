import type { Etcd, Watch, WatchObserver, WatchRequest } from "../etcd/api.ts";
import { FollowedWatch } from "./followed-watch.ts";

/** The member that a watch is open at. */
export interface MemberState {
  /** Whether it stalls, and tells nothing. */
  isHeld(): boolean;
  onClosed(): void;
}

/** A watch at one member of a cluster: what that cannot tell while it stalls, it tells afterwards. */
export class MemberWatch implements Watch {
  readonly #state: MemberState;
  readonly #followed: FollowedWatch;
  #held: (() => void)[] = [];

  constructor(request: WatchRequest, observer: WatchObserver, state: MemberState) {
    this.#state = state;
    const tell = (what: () => void): void => {
      if (state.isHeld()) this.#held.push(what);
      else what();
    };
    this.#followed = new FollowedWatch(request, {
      onCreated: (revision) => tell(() => observer.onCreated?.(revision)),
      onEvents: (events) => tell(() => observer.onEvents(events)),
      onEnd: (error) => tell(() => observer.onEnd(error)),
    });
  }

  /** Opens it, or goes on where it was: at the same store, or another one. */
  open(etcd: Pick<Etcd, "watch">): void {
    this.#followed.open(etcd);
  }

  /** The member is down: nothing is told until it is opened anew, and then nothing is left out. */
  pause(): void {
    this.#followed.close();
  }

  /** The member does not stall any more. */
  goOn(): void {
    if (this.#state.isHeld()) return;
    for (const tell of this.#held.splice(0)) tell();
  }

  close(): void {
    this.#held = [];
    this.#followed.close();
    this.#state.onClosed();
  }
}
