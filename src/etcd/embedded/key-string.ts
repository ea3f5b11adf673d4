import type { KeyRange } from "../api.ts";

/**
 * The bytes as a string of one character each. Such strings sort as the bytes do, and, unlike
 * arrays of bytes, can be keys of a map.
 */
export function keyString(bytes: Uint8Array): string {
  if (bytes.length > scratch.length) return Buffer.from(bytes).toString("latin1");
  scratch.set(bytes);
  return scratch.toString("latin1", 0, bytes.length);
}

// Copying a short key costs less than making a Buffer of it.
const scratch = Buffer.alloc(1024);

/** The bytes that such a string stands for. */
export function keyBytes(key: string): Uint8Array {
  return new Uint8Array(Buffer.from(key, "latin1"));
}

/** All keys from `start` up to but without `end`; without an `end`, to the last one. */
export interface KeySpan {
  readonly start: string;
  readonly end: string | undefined;
}

/** Whether the range is one key only. */
export function isSingleKey(range: KeyRange): boolean {
  return !range.rangeEnd?.length;
}

/** The keys that a range stands for. One that ends before it starts stands for none. */
export function spanOf(range: KeyRange): KeySpan {
  const start = keyString(range.key);
  if (!range.rangeEnd?.length) return { start, end: `${start}\0` };
  const isOpen = range.rangeEnd.length === 1 && range.rangeEnd[0] === 0;
  return { start, end: isOpen ? undefined : keyString(range.rangeEnd) };
}

/** Whether a key lies in a span. */
export function spans({ start, end }: KeySpan, key: string): boolean {
  return key >= start && (end === undefined || key < end);
}

/** Where the keys that begin with `prefix` end; undefined when they end with the last key. */
export function endOfPrefix(prefix: string): string | undefined {
  for (let length = prefix.length; length > 0; length--) {
    const last = prefix.charCodeAt(length - 1);
    if (last < 0xff) return prefix.slice(0, length - 1) + String.fromCharCode(last + 1);
  }
  return undefined;
}
