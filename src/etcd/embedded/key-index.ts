import type { KeyValue } from "../api.ts";
import type { KeySpan } from "./key-string.ts";

interface Slot {
  readonly key: string;
  kv: KeyValue;
}

// Small enough that an insertion moves little, large enough that there are few chunks.
const longestChunk = 512;

/**
 * The keys that exist, with their present state, found by name and in order.
 *
 * Sorted chunks of slots, so that a key costs the same to add among a hundred thousand as
 * among ten.
 */
export class KeyIndex {
  readonly #slots = new Map<string, Slot>();
  readonly #chunks: Slot[][] = [];

  get size(): number {
    return this.#slots.size;
  }

  get(key: string): KeyValue | undefined {
    return this.#slots.get(key)?.kv;
  }

  set(key: string, kv: KeyValue): void {
    const known = this.#slots.get(key);
    if (known) {
      known.kv = kv;
      return;
    }
    const slot = { key, kv };
    this.#slots.set(key, slot);
    this.#insert(slot);
  }

  delete(key: string): void {
    if (!this.#slots.delete(key)) return;
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    chunk?.splice(firstAtLeast(chunk, key), 1);
    if (chunk?.length === 0) this.#chunks.splice(at, 1);
  }

  /** Calls `visit` with every key of a span, in order. `visit` must not change the index. */
  forEach({ start, end }: KeySpan, visit: (kv: KeyValue, key: string) => void): void {
    let at = this.#chunkFor(start);
    let from = firstAtLeast(this.#chunks[at] ?? [], start);
    for (; at < this.#chunks.length; at++, from = 0) {
      const chunk = this.#chunks[at] ?? [];
      for (let i = from; i < chunk.length; i++) {
        const slot = chunk[i];
        if (!slot || (end !== undefined && slot.key >= end)) return;
        visit(slot.kv, slot.key);
      }
    }
  }

  #insert(slot: Slot): void {
    const at = this.#chunkFor(slot.key);
    const chunk = this.#chunks[at];
    if (!chunk) {
      this.#chunks.push([slot]);
      return;
    }
    chunk.splice(firstAtLeast(chunk, slot.key), 0, slot);
    if (chunk.length > longestChunk) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length / 2));
  }

  /** The place of the last chunk that starts at or before `key`, else of the first one. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#chunks[middle]?.[0];
      if (first && first.key <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The place of the first slot whose key is `key` or comes after it. */
function firstAtLeast(chunk: readonly Slot[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const slot = chunk[middle];
    if (slot && slot.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
