import type { KeyRange } from "../api.ts";
import { endOfPrefix, isSingleKey, type KeySpan, keyString, spanOf, spans } from "./key-string.ts";

/**
 * Finds who watches a key. It looks up watches of one key and of a prefix, whose number may
 * be large, and goes through those of any other range one by one.
 */
export class WatcherIndex<W> {
  readonly #byKey = new Map<string, Set<W>>();
  readonly #byPrefix = new Map<string, Set<W>>();
  // How many distinct prefixes are watched of each length.
  readonly #prefixLengths = new Map<number, number>();
  readonly #others = new Map<W, KeySpan>();

  /** @returns the function that takes it out again; it is to be called once. */
  add(range: KeyRange, watcher: W): () => void {
    if (isSingleKey(range)) return addTo(this.#byKey, keyString(range.key), watcher);
    const span = spanOf(range);
    if (span.end === endOfPrefix(span.start)) return this.#addPrefix(span.start, watcher);
    this.#others.set(watcher, span);
    return () => this.#others.delete(watcher);
  }

  /** Calls `visit` with everyone who watches the key. */
  forEach(key: string, visit: (watcher: W) => void): void {
    for (const watcher of this.#byKey.get(key) ?? []) visit(watcher);
    for (const length of this.#prefixLengths.keys()) {
      if (length > key.length) continue;
      for (const watcher of this.#byPrefix.get(key.slice(0, length)) ?? []) visit(watcher);
    }
    for (const [watcher, span] of this.#others) if (spans(span, key)) visit(watcher);
  }

  #addPrefix(prefix: string, watcher: W): () => void {
    if (!this.#byPrefix.has(prefix)) this.#count(prefix.length, 1);
    const remove = addTo(this.#byPrefix, prefix, watcher);
    return () => {
      remove();
      if (!this.#byPrefix.has(prefix)) this.#count(prefix.length, -1);
    };
  }

  #count(prefixLength: number, change: 1 | -1): void {
    const prefixes = (this.#prefixLengths.get(prefixLength) ?? 0) + change;
    if (prefixes > 0) this.#prefixLengths.set(prefixLength, prefixes);
    else this.#prefixLengths.delete(prefixLength);
  }
}

function addTo<W>(map: Map<string, Set<W>>, key: string, watcher: W): () => void {
  const watchers = map.get(key) ?? new Set();
  map.set(key, watchers.add(watcher));
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) map.delete(key);
  };
}
