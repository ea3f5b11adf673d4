import type { KeyValue, WatchEvent } from "../etcd/api.ts";
import { type Entry, entryOf } from "./entry.ts";

/** What changed in a queue at one revision. */
export interface Change {
  readonly revision: bigint;
  readonly joined: readonly Entry[];
  readonly left: readonly Entry[];
  /** All who stood there before, oldest first. */
  readonly before: readonly Entry[];
  /** All who stand there now, oldest first. */
  readonly now: readonly Entry[];
}

/** The entries of a queue in their order, as changes are applied to them. */
export class QueueEntries {
  readonly #prefix: string;
  /** In the order in which they were created: entries come at the end, and keep their place. */
  readonly #entries: Map<string, Entry>;
  #list: readonly Entry[] | undefined;

  /** `prefix` is what the keys of the queue begin with; `kvs` are there already, oldest first. */
  constructor(prefix: string, kvs: readonly KeyValue[]) {
    this.#prefix = prefix;
    this.#entries = new Map(
      kvs.map((kv) => entryOf(prefix, kv)).map((entry) => [entry.key, entry]),
    );
  }

  /** The entries, oldest first. */
  get list(): readonly Entry[] {
    this.#list ??= [...this.#entries.values()];
    return this.#list;
  }

  /** Takes on what happened at one revision. */
  apply(revision: bigint, events: readonly WatchEvent[]): Change {
    const before = this.list;
    const joined: Entry[] = [];
    const left: Entry[] = [];
    for (const { type, kv } of events) {
      const entry = entryOf(this.#prefix, kv);
      const known = this.#entries.get(entry.key);
      // Who came back stands at the end.
      const isNew = type === "put" && kv.version === 1n;
      if (known && (type === "delete" || isNew)) {
        this.#entries.delete(entry.key);
        left.push(known);
      }
      if (type === "put") this.#entries.set(entry.key, entry);
      if (isNew) joined.push(entry);
    }
    this.#list = undefined;
    return { revision, joined, left, before, now: this.list };
  }
}
