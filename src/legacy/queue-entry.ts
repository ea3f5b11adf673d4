import { bytesOf, textOf } from "../core/keys.ts";
import type { Compare, KeyValue } from "../etcd/api.ts";

// Says that an entry belongs to a node id rather than to a session, and that its lease
// serves it alone.
const api = "1.x";

/** What the 1.x class writes into its entry. */
export interface QueueEntryFacts {
  readonly nodeId: string;
  readonly host: string;
  readonly pid: number;
  /** When it was locked, by the locker's clock, as an ISO 8601 time. */
  readonly since: string;
  /** The ttl that was asked for, in seconds. etcd may have granted more. */
  readonly ttl: number;
}

/** An entry of the 1.x class as it stands in the queue. */
export interface QueueEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly lease: bigint;
  readonly ttl: number;
}

/** The value of an entry: who has the lock, for people and for `ownEntry`. */
export function queueEntryValue(facts: QueueEntryFacts): Uint8Array {
  return bytesOf(JSON.stringify({ ...facts, api }));
}

/**
 * The entry as one that this node may unlock and renew, or nothing if it may not: it was
 * written by another node, by another API of ours, or by another program. A hold of
 * `connect()` is never ours here, even with the same node id: its lease is its session's.
 */
export function ownEntry(kv: KeyValue | undefined, nodeId: string): QueueEntry | undefined {
  if (!kv) return undefined;
  const facts = parse(kv.value);
  if (facts?.api !== api || facts.nodeId !== nodeId) return undefined;
  const ttl = typeof facts.ttl === "number" ? facts.ttl : 0;
  return { ...kv, ttl };
}

/** The same entry's value, with another ttl. */
export function withTtl(entry: QueueEntry, ttl: number): Uint8Array {
  return bytesOf(JSON.stringify({ ...parse(entry.value), ttl }));
}

/** Holds as long as this very entry is there, and not one that came to its key later. */
export function stillThere({ key, createRevision }: QueueEntry): Compare {
  return { key, target: "createRevision", result: "equal", operand: createRevision };
}

/** What a value says of itself. Anybody may have written it, so nothing is taken for granted. */
type Claims = Partial<Record<"nodeId" | "ttl" | "api", unknown>>;

function parse(value: Uint8Array): Claims | undefined {
  try {
    const parsed: unknown = JSON.parse(textOf(value));
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    // A foreign entry: Go's and etcdctl's are empty.
    return undefined;
  }
}
