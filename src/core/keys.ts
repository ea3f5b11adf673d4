import type { KeyRange } from "../etcd/api.ts";

/**
 * The key under which everybody who wants the lock `name` stands in line, without the
 * slash: what Go's `concurrency.NewMutex` and `etcdctl lock` take as their name.
 *
 * `/` and `%` are percent-encoded, because whoever holds `a/b` would otherwise block `a`:
 * the queue of `a` is every key that begins with `a/`.
 */
export function lockKey(namespace: string, name: string): string {
  return namespace + encodedName(name);
}

/** A name as it stands in keys. What begins a name begins the encoded one, encoded. */
export function encodedName(name: string): string {
  return name.replaceAll("%", "%25").replaceAll("/", "%2F");
}

/** The name of the lock to whose queue a key belongs; nothing if it belongs to none. */
export function nameOf(namespace: string, key: Uint8Array): string | undefined {
  const encoded = textOf(key).slice(namespace.length);
  const end = encoded.indexOf("/");
  if (end < 1) return undefined;
  const name = encoded.slice(0, end);
  // As `encodedName` writes it, and nothing else.
  const decoded = name.replace(/%2F|%25/g, (code) => (code === "%2F" ? "/" : "%"));
  return encodedName(decoded) === name ? decoded : undefined;
}

/** What all keys in the queue of `name` begin with. */
export function queuePrefix(namespace: string, name: string): string {
  return `${lockKey(namespace, name)}/`;
}

/** The key of a session. No lock can have it: in an encoded name `%` is followed by `25` or `2F`. */
export function sessionKey(namespace: string, lease: bigint): string {
  return `${sessionsPrefix(namespace)}${lease.toString(16)}`;
}

/** What the keys of all sessions begin with. */
export function sessionsPrefix(namespace: string): string {
  return `${namespace}%session/`;
}

/** A string as etcd sees it. */
export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

/** Bytes as people see them. What is not UTF-8 comes out as replacement characters. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** A range of keys with an end. */
export interface WholeRange extends KeyRange {
  readonly rangeEnd: Uint8Array;
}

/** All keys that begin with `prefix`, which must end in a byte below 255. */
export function prefixRange(prefix: string): WholeRange {
  const key = bytesOf(prefix);
  return { key, rangeEnd: prefixEnd(key) };
}

/** The first key behind all that begin with `prefix`, which must end in a byte below 255. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  const end = Uint8Array.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}

/** All keys that begin with `prefix`, or all there are if that is empty. */
export function keysBelow(prefix: string): WholeRange {
  // As etcd has it: from the first key there can be, to the end.
  return prefix === ""
    ? { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) }
    : prefixRange(prefix);
}

/** The first key there can be behind another. */
export function behind(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, Buffer.of(0)]);
}
