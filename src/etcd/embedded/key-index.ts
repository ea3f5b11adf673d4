import type { KeyValue } from "../api.ts";
import type { KeySpan } from "./key-string.ts";

/** A key in the index, and its present state. */
export interface Slot {
  readonly key: string;
  kv: KeyValue;
}

// Small enough that an insertion moves little, large enough that chunks are seldom split.
const longestChunk = 32;

/**
 * The keys that exist, with their present state, found by name and in order.
 *
 * Sorted chunks of slots, so that a key costs the same to add among a hundred thousand as
 * among ten.
 */
export class KeyIndex {
  readonly #slots = new Map<string, Slot>();
  readonly #chunks: Slot[][] = [];
  // Where each chunk starts, side by side, for the search to touch little memory. All keys
  // that sort between one start and the next are in one chunk; the first chunk also has those
  // before its start.
  readonly #starts: string[] = [];

  get size(): number {
    return this.#slots.size;
  }

  find(key: string): Slot | undefined {
    return this.#slots.get(key);
  }

  /** Adds a key that is not there yet. */
  add(key: string, kv: KeyValue): void {
    const slot = { key, kv };
    this.#slots.set(key, slot);
    this.#insert(slot);
  }

  delete(key: string): void {
    if (!this.#slots.delete(key)) return;
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at] ?? [];
    chunk.splice(firstAtLeast(chunk, key), 1);
    if (chunk.length > 0) return;
    this.#chunks.splice(at, 1);
    this.#starts.splice(at, 1);
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
      this.#addChunk(0, [slot]);
      return;
    }
    chunk.splice(firstAtLeast(chunk, slot.key), 0, slot);
    if (chunk.length > longestChunk) this.#addChunk(at + 1, chunk.splice(chunk.length / 2));
  }

  #addChunk(at: number, chunk: Slot[]): void {
    this.#chunks.splice(at, 0, chunk);
    this.#starts.splice(at, 0, chunk[0]?.key ?? "");
  }

  /** The place of the chunk that has `key`, or would get it. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? "") <= key) low = middle + 1;
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
