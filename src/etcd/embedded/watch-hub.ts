import type { Watch, WatchEvent, WatchObserver, WatchRequest } from "../api.ts";
import type { Change, Commit } from "./history.ts";
import { spanOf, spans } from "./key-string.ts";
import { WatcherIndex } from "./watcher-index.ts";

interface Watcher {
  readonly observer: WatchObserver;
  readonly wantsPrevKv: boolean;
  /** The first revision that it wants to hear of. */
  readonly from: bigint;
  leave: () => void;
  isClosed: boolean;
}

/** What a new watch has to be told first. */
export interface WatchStart {
  /** The store's revision as the watch is created. */
  readonly revision: bigint;
  /** The commits that it missed, oldest first. */
  readonly missed: readonly Commit[];
  /** What comes before this is compacted. */
  readonly compactRevision: bigint;
}

/**
 * Tells watchers of commits: in order, each watcher by itself, and never in the midst of the
 * call that made the change, but in a microtask after it.
 */
export class WatchHub {
  readonly #watchers = new WatcherIndex<Watcher>();
  readonly #open = new Set<Watcher>();
  #deliveries: (() => void)[] = [];
  #isDelivering = false;

  /** How many watches are open. */
  get watchCount(): number {
    return this.#open.size;
  }

  /** Opens a watch that has first to hear of what it missed. */
  open(request: WatchRequest, observer: WatchObserver, start: WatchStart): Watch {
    const watcher = this.#admit(request, observer, start.revision);
    this.#deliver(watcher, () => observer.onCreated?.(start.revision));
    const span = spanOf(request);
    for (const commit of start.missed) {
      const changes = commit.changes.filter(({ key }) => spans(span, key));
      if (changes.length === 0) continue;
      const events = changes.map((change) =>
        eventOf(commit, change, watcher.wantsPrevKv && commit.revision > start.compactRevision),
      );
      this.#deliver(watcher, () => observer.onEvents(events));
    }
    return closerOf(watcher);
  }

  /** Opens a watch that cannot be, if only to say so. */
  refuse(observer: WatchObserver, error: Error, createdAt?: bigint): Watch {
    const watcher = newWatcher(observer);
    if (createdAt !== undefined) this.#deliver(watcher, () => observer.onCreated?.(createdAt));
    this.#end(watcher, error);
    return closerOf(watcher);
  }

  /** Tells everyone who watches one of the keys. */
  publish(commit: Commit): void {
    if (this.#open.size === 0) return;
    const told = new Map<Watcher, WatchEvent[]>();
    for (const change of commit.changes) {
      this.#watchers.forEach(change.key, (watcher) => {
        if (watcher.from > commit.revision) return;
        const event = eventOf(commit, change, watcher.wantsPrevKv);
        const events = told.get(watcher);
        if (events) events.push(event);
        else told.set(watcher, [event]);
      });
    }
    for (const [watcher, events] of told) {
      this.#deliver(watcher, () => watcher.observer.onEvents(events));
    }
  }

  /** Ends all watches, after they have heard of everything that happened. */
  close(error: Error): void {
    for (const watcher of this.#open) this.#end(watcher, error);
  }

  #admit(request: WatchRequest, observer: WatchObserver, revision: bigint): Watcher {
    const watcher = newWatcher(observer, request, revision);
    const leaveIndex = this.#watchers.add(request, watcher);
    this.#open.add(watcher);
    watcher.leave = () => {
      watcher.leave = () => {};
      leaveIndex();
      this.#open.delete(watcher);
    };
    return watcher;
  }

  #end(watcher: Watcher, error: Error): void {
    watcher.leave();
    this.#deliver(watcher, () => {
      watcher.isClosed = true;
      watcher.observer.onEnd(error);
    });
  }

  #deliver(watcher: Watcher, tell: () => void): void {
    this.#deliveries.push(() => {
      if (!watcher.isClosed) tell();
    });
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    queueMicrotask(() => this.#deliverAll());
  }

  #deliverAll(): void {
    while (this.#deliveries.length > 0) {
      const deliveries = this.#deliveries;
      this.#deliveries = [];
      for (const deliver of deliveries) attempt(deliver);
    }
    this.#isDelivering = false;
  }
}

function newWatcher(
  observer: WatchObserver,
  { prevKv = false, startRevision = 0n }: Partial<WatchRequest> = {},
  revision = 0n,
): Watcher {
  // What was before is replayed, so the rest begins with the next revision at the earliest.
  const from = startRevision > revision ? startRevision : revision + 1n;
  return { observer, wantsPrevKv: prevKv, from, leave: () => {}, isClosed: false };
}

function closerOf(watcher: Watcher): Watch {
  return {
    close() {
      watcher.isClosed = true;
      watcher.leave();
    },
  };
}

function eventOf(commit: Commit, change: Change, wantsPrevKv: boolean): WatchEvent {
  const { type, kv } = change;
  const isNew = type === "put" && kv.createRevision === kv.modRevision;
  const prevKv = wantsPrevKv && !isNew ? stateBefore(commit, change) : undefined;
  return prevKv ? { type, kv, prevKv } : { type, kv };
}

/** The state before the whole commit, which may have changed a key more than once. */
function stateBefore(commit: Commit, { key, prev }: Change): WatchEvent["prevKv"] {
  if (prev?.modRevision !== commit.revision) return prev;
  return commit.changes.find((earlier) => earlier.key === key)?.prev;
}

/** One watcher's mistake goes uncaught, as it should, but does not keep the others from hearing. */
function attempt(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
