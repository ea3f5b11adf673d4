import type { KeyValue, WatchEvent } from "../etcd/api.ts";
import { byAge } from "./entry.ts";
import { FollowedRange, type Source, type Standing } from "./followed-range.ts";
import { behind, encodedName, keysBelow, nameOf, queuePrefix } from "./keys.ts";
import { type Change, QueueEntries } from "./queue-entries.ts";
import { entriesOf } from "./queue-requests.ts";
import { throughConsensus } from "./through-consensus.ts";

/** Hears what happens in the queues of a namespace. */
export interface QueuesListener {
  /** They were read: for the first time, or because what happened meanwhile was not seen. */
  onRead(): void;
  /** One of them has changed. */
  onChange(name: string, change: Change): void;
}

const pageSize = 2_000n;

/** All queues of the namespace, or of the names that begin alike, kept up to date by one watch. */
export class NamespaceMirror {
  readonly #namespace: string;
  readonly #listener: QueuesListener;
  readonly #range: FollowedRange;
  readonly #queues = new Map<string, QueueEntries>();

  constructor(source: Source, namePrefix: string, listener: QueuesListener) {
    const { namespace } = source.options;
    const range = keysBelow(namespace + encodedName(namePrefix));
    this.#namespace = namespace;
    this.#listener = listener;
    this.#range = new FollowedRange(source, range, {
      read: (signal) => readAll(source, range, signal),
      onRead: (kvs) => this.#begin(kvs),
      onEvents: (revision, events) => this.#see(revision, events),
    });
  }

  /** Ends it: nothing is called afterwards. */
  close(): void {
    this.#range.close();
    this.#queues.clear();
  }

  #begin(kvs: readonly KeyValue[]): void {
    this.#queues.clear();
    const byName = this.#byName(kvs, (kv) => kv);
    for (const [name, own] of byName) this.#queues.set(name, this.#queueOf(name, own.sort(byAge)));
    this.#listener.onRead();
  }

  #see(revision: bigint, events: readonly WatchEvent[]): void {
    for (const [name, own] of this.#byName(events, ({ kv }) => kv)) {
      const queue = this.#queues.get(name) ?? this.#queueOf(name, []);
      const change = queue.apply(revision, own);
      if (change.now.length === 0) this.#queues.delete(name);
      else this.#queues.set(name, queue);
      this.#listener.onChange(name, change);
    }
  }

  #queueOf(name: string, kvs: readonly KeyValue[]): QueueEntries {
    return new QueueEntries(queuePrefix(this.#namespace, name), kvs);
  }

  /** Sorts by the lock; what belongs to none, such as the keys of sessions, is left out. */
  #byName<T>(things: readonly T[], kvOf: (thing: T) => KeyValue): ReadonlyMap<string, T[]> {
    const byName = new Map<string, T[]>();
    for (const thing of things) {
      const name = nameOf(this.#namespace, kvOf(thing).key);
      if (name === undefined) continue;
      const own = byName.get(name);
      if (own) own.push(thing);
      else byName.set(name, [thing]);
    }
    return byName;
  }
}

/** Reads all keys of a range at one revision, page by page: there may be more than fit into an answer. */
async function readAll(
  source: Source,
  range: ReturnType<typeof keysBelow>,
  signal: AbortSignal,
): Promise<Standing> {
  const kvs: KeyValue[] = [];
  let revision = 0n;
  for (let key: Uint8Array = range.key; ; ) {
    const request = { ...range, key, limit: pageSize, revision };
    const { responses, header } = await source.ask(
      { success: [{ op: "range", request }], failure: [throughConsensus(range.key)] },
      { signal },
    );
    const [response] = responses;
    const page = entriesOf(response);
    kvs.push(...page);
    if (revision === 0n) revision = header.revision;
    const last = page.at(-1);
    if (!last || response?.op !== "range" || !response.response.more) return { kvs, revision };
    key = behind(last.key);
  }
}
