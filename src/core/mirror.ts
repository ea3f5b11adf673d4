import { sleep } from "../clock.ts";
import { StoreError } from "../errors.ts";
import type { KeyValue, Watch, WatchEvent } from "../etcd/api.ts";
import { type Entry, entryOf } from "./entry.ts";
import { prefixRange } from "./keys.ts";
import { allIn, entriesOf } from "./queue-requests.ts";
import type { Session } from "./session.ts";
import { steadyWatch } from "./steady-watch.ts";
import { throughConsensus } from "./through-consensus.ts";

/** By what a mirror is told: a session, or whichever one a client has. */
type Source = Pick<Session, "etcd" | "options" | "ask">;

/**
 * Hears that the entries have changed, by what is told of one revision; or, without a change, that
 * they were read, for the first time or because what happened meanwhile was not seen.
 */
type ChangeListener = (change: Change | undefined) => void;

/** What changed in a queue at one revision. */
export interface Change {
  readonly revision: bigint;
  readonly joined: readonly Entry[];
  readonly left: readonly Entry[];
}

// Before a read that got no answer is tried again.
const pauseMs = 500;

/**
 * The entries of a queue in their order, read once and then kept up to date by what the watch
 * tells, for those who need to see all of them. Who only waits for a turn does not.
 */
export class Mirror {
  readonly #source: Source;
  readonly #prefix: string;
  readonly #onChange: ChangeListener;
  readonly #stop = new AbortController();
  readonly #watch: Watch;
  /** In the order in which they were created: entries come at the end, and keep their place. */
  #entries = new Map<string, Entry>();
  /** The revision up to which we know; 0 while it is being read. */
  #revision = 0n;
  /** How often it was begun to be read: only the last time counts. */
  #reads = 0;
  /** What the watch told while we were reading. */
  #early: WatchEvent[] = [];
  #list: readonly Entry[] | undefined;

  /** A mirror of the queue whose keys begin with `prefix`. */
  constructor(source: Source, prefix: string, onChange: ChangeListener) {
    this.#source = source;
    this.#prefix = prefix;
    this.#onChange = onChange;
    this.#watch = steadyWatch(source.etcd, source.options.clock, prefixRange(prefix), {
      onStanding: (revision, gapless) => {
        if (!gapless) void this.#read(revision);
      },
      onEvents: (events) => this.#see(events),
    });
  }

  /** The entries, oldest first; undefined until they have been read for the first time. */
  get entries(): readonly Entry[] | undefined {
    if (this.#revision === 0n) return undefined;
    this.#list ??= [...this.#entries.values()];
    return this.#list;
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
    const range = prefixRange(this.#prefix);
    // Until it is read, or has to be read anew.
    const isDue = (): boolean => !signal.aborted && this.#reads === read;
    while (isDue()) {
      try {
        const { responses, header } = await this.#source.ask({
          success: [allIn(range)],
          failure: [throughConsensus(range.key)],
        });
        // Another member may be behind the one that the watch stands on.
        if (!isDue() || header.revision < standingAt) continue;
        this.#begin(entriesOf(responses[0]), header.revision);
        return;
      } catch (error) {
        if (!isDue() || !(error instanceof StoreError)) return;
        await sleep(this.#source.options.clock, pauseMs, signal).catch(() => {});
      }
    }
  }

  #begin(kvs: readonly KeyValue[], revision: bigint): void {
    const entries = kvs.map((kv) => entryOf(this.#prefix, kv));
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
    this.#list = undefined;
    this.#revision = revision;
    this.#onChange(undefined);
    this.#see(this.#early.splice(0));
  }

  #see(events: readonly WatchEvent[]): void {
    if (this.#revision === 0n) {
      this.#early.push(...events);
      return;
    }
    for (let index = 0; index < events.length && !this.#stop.signal.aborted; ) {
      const revision = events[index]?.kv.modRevision ?? 0n;
      const end = events.findIndex(({ kv }, at) => at > index && kv.modRevision !== revision);
      const batch = events.slice(index, end < 0 ? events.length : end);
      index += batch.length;
      // What was read already is told again.
      if (revision > this.#revision) this.#apply(revision, batch);
    }
  }

  #apply(revision: bigint, events: readonly WatchEvent[]): void {
    const joined: Entry[] = [];
    const left: Entry[] = [];
    for (const { type, kv } of events) {
      const entry = entryOf(this.#prefix, kv);
      const before = this.#entries.get(entry.key);
      // Who came back stands at the end.
      const isNew = type === "put" && kv.version === 1n;
      if (before && (type === "delete" || isNew)) {
        this.#entries.delete(entry.key);
        left.push(before);
      }
      if (type === "put") this.#entries.set(entry.key, entry);
      if (isNew) joined.push(entry);
    }
    this.#list = undefined;
    this.#onChange({ revision, joined, left });
  }
}
