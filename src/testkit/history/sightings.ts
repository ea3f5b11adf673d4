import { claimsOf, stateOf } from "../../core/entry.ts";
import { nameOf, queuePrefix, textOf } from "../../core/keys.ts";
import { isCompanionSuffix, modeOf } from "../../core/mode.ts";
import type { KeyValue, WatchEvent } from "../../etcd/api.ts";
import type { Want } from "./event.ts";
import type { Entry } from "./server-side.ts";

type Draft = { -readonly [Key in keyof Entry]: Entry[Key] };

/** What is read from the key and the value of an entry. */
export type Owner = Want & Pick<Entry, "who" | "names">;

/** How to look. */
export interface SightingsOptions {
  readonly namespace: string;
  /** The clock of the history. */
  readonly now: () => number;
  /** Reads who stands there, and for what, if the value says more than it does for others. */
  readonly ownerOf?: (kv: KeyValue) => Owner;
}

/** What a watch sees of the queues of a namespace. It knows nothing of clients but what etcd has. */
export class Sightings {
  /** All that stood in queues to hold a lock. */
  readonly entries: Draft[] = [];
  readonly #options: SightingsOptions;
  /** All that stands, and whether it is to outlast whoever put it. */
  readonly #standing = new Map<string, { readonly entry?: Draft; readonly lasts: boolean }>();

  constructor(options: SightingsOptions) {
    this.#options = options;
  }

  /** The keys that stand, whoever put them. */
  get keys(): readonly string[] {
    return [...this.#standing.keys()];
  }

  /** Those of them that are gone with the client that put them, and its lease. */
  get passing(): readonly string[] {
    return [...this.#standing].filter(([, { lasts }]) => !lasts).map(([key]) => key);
  }

  /** Takes note of something that has happened. */
  see({ type, kv }: WatchEvent): void {
    const key = textOf(kv.key);
    if (!key.startsWith(this.#options.namespace)) return;
    if (type === "put") this.#put(key, kv);
    else this.forget(key, kv.modRevision);
  }

  /** Takes note that a key is gone. */
  forget(key: string, removedAt: bigint): void {
    const entry = this.#standing.get(key)?.entry;
    this.#standing.delete(key);
    if (entry) Object.assign(entry, { removedAt, seenRemovedAt: this.#options.now() });
  }

  #put(key: string, kv: KeyValue): void {
    const before = this.#standing.get(key)?.entry;
    // One that got no answer says it again.
    if (before?.mode === "write" && stateOf(kv) === "reader") before.sharesSince ??= kv.modRevision;
    if (this.#standing.has(key)) return;
    const { namespace, ownerOf = (entry: KeyValue) => this.#owner(key, entry) } = this.#options;
    const name = nameOf(namespace, kv.key);
    // A session has no queue.
    if (name === undefined) return void this.#standing.set(key, { lasts: false });
    const suffix = key.slice(queuePrefix(namespace, name).length);
    const { kind } = modeOf(suffix);
    const isCompanion = isCompanionSuffix(suffix);
    const lasts = isCompanion || kind === "latch" || kind === "kept";
    if (lasts || kind === "barrier") return void this.#standing.set(key, { lasts });
    const entry: Draft = {
      ...{ ...ownerOf(kv), name, token: kv.createRevision },
      ...{ sharesSince: undefined, removedAt: undefined },
      seenRemovedAt: Number.POSITIVE_INFINITY,
    };
    this.#standing.set(key, { entry, lasts });
    this.entries.push(entry);
  }

  #owner(key: string, kv: KeyValue): Owner {
    const { namespace } = this.#options;
    const name = nameOf(namespace, kv.key) ?? "";
    const mode = modeOf(key.slice(queuePrefix(namespace, name).length));
    const who = claimsOf(kv.value).nodeId ?? key;
    if (mode.kind === "permits")
      return { mode: "permits", permits: mode.taken, who, names: [name] };
    const isShared = mode.kind === "read" || mode.kind === "write" || mode.kind === "election";
    return { mode: isShared ? mode.kind : "exclusive", permits: 1, who, names: [name] };
  }
}
