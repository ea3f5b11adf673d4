import { sleep } from "../clock.ts";
import { StoreError } from "../errors.ts";
import type { KeyRange, KeyValue, Watch, WatchEvent } from "../etcd/api.ts";
import type { Session } from "./session.ts";
import { steadyWatch } from "./steady-watch.ts";

/** By what a range is followed: a session, or whichever one a client has. */
export type Source = Pick<Session, "etcd" | "options" | "ask">;

/** All that stands in a range at one revision. */
export interface Standing {
  readonly kvs: readonly KeyValue[];
  readonly revision: bigint;
}

/** Whoever follows a range. */
export interface RangeFollower {
  /** Reads all that stands in the range. It is asked again when that fails. */
  read(signal: AbortSignal): Promise<Standing>;
  /** It was read: for the first time, or anew because what happened meanwhile was not seen. */
  onRead(kvs: readonly KeyValue[]): void;
  /** What happened at one revision: in order, nothing twice. */
  onEvents(revision: bigint, events: readonly WatchEvent[]): void;
}

// Before a read that got no answer is tried again.
const pauseMs = 500;

/** What stands in a range: read once, and then told by what the watch sees. */
export class FollowedRange {
  readonly #source: Source;
  readonly #follower: RangeFollower;
  readonly #stop = new AbortController();
  readonly #watch: Watch;
  /** The revision up to which we know; 0 while it is being read. */
  #revision = 0n;
  /** How often it was begun to be read: only the last time counts. */
  #reads = 0;
  /** What the watch told while we were reading. */
  #early: WatchEvent[] = [];

  constructor(source: Source, range: KeyRange, follower: RangeFollower) {
    this.#source = source;
    this.#follower = follower;
    this.#watch = steadyWatch(source.etcd, source.options.clock, range, {
      onStanding: (revision, gapless) => {
        if (!gapless) void this.#read(revision);
      },
      onEvents: (events) => this.#see(events),
    });
  }

  /** Whether it has been read, and what happened since was seen. */
  get isKnown(): boolean {
    return this.#revision !== 0n;
  }

  /** Ends it: nothing is called afterwards. */
  close(): void {
    this.#stop.abort();
    this.#watch.close();
  }

  async #read(standingAt: bigint): Promise<void> {
    const { signal } = this.#stop;
    this.#revision = 0n;
    this.#reads += 1;
    const read = this.#reads;
    // Until it is read, or has to be read anew.
    const isDue = (): boolean => !signal.aborted && this.#reads === read;
    while (isDue()) {
      try {
        const { kvs, revision } = await this.#follower.read(signal);
        // Another member may be behind the one that the watch stands on.
        if (!isDue() || revision < standingAt) continue;
        this.#revision = revision;
        this.#follower.onRead(kvs);
        this.#see(this.#early.splice(0));
        return;
      } catch (error) {
        if (!isDue() || !(error instanceof StoreError)) return;
        await sleep(this.#source.options.clock, pauseMs, signal).catch(() => {});
      }
    }
  }

  #see(events: readonly WatchEvent[]): void {
    if (!this.isKnown) {
      this.#early.push(...events);
      return;
    }
    for (let index = 0; index < events.length && !this.#stop.signal.aborted; ) {
      const revision = events[index]?.kv.modRevision ?? 0n;
      const end = events.findIndex(({ kv }, at) => at > index && kv.modRevision !== revision);
      const batch = events.slice(index, end < 0 ? events.length : end);
      index += batch.length;
      // What was read already is told again.
      if (revision > this.#revision) this.#follower.onEvents(revision, batch);
    }
  }
}
