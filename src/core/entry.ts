import type { Holder } from "../errors.ts";
import type { KeyValue } from "../etcd/api.ts";
import { jsonMembers } from "./json-members.ts";
import { bytesOf, textOf } from "./keys.ts";
import { isCompanionSuffix, type Mode, modeOf } from "./mode.ts";

/** Who asks, as the client that asks knows it. */
export interface Identity {
  readonly nodeId: string;
  readonly host: string;
  readonly pid: number;
}

/** An entry as it stands in a queue. */
export interface Entry {
  readonly key: string;
  readonly mode: Mode;
  /** Whether it shares the lock with readers: one itself, or a writer that became one. */
  readonly isReader: boolean;
  /** Whether it only keeps others out beside an entry made with it, and after that has gone. */
  readonly isCompanion: boolean;
  /** Its place in the queue, and its token. */
  readonly createRevision: bigint;
  readonly kv: KeyValue;
}

/** What an entry says of itself, as far as its value can be understood. */
export type Claims = Pick<Holder, "nodeId" | "host" | "pid" | "since" | "reason">;

/** What the value of an entry tells besides who it is. */
export interface EntryFacts {
  /** What the lock is wanted for. */
  readonly reason?: string | undefined;
  /** What its key does not say: a writer that became a reader, how far one is in a barrier. */
  readonly state?: string | undefined;
}

/** The value of an entry: who stands here, since when, and what for. */
export function entryValue(
  { nodeId, host, pid }: Identity,
  since: number,
  { reason, state }: EntryFacts = {},
): Uint8Array {
  return bytesOf(
    JSON.stringify({ nodeId, host, pid, since: new Date(since).toISOString(), reason, state }),
  );
}

/** Reads an entry of the queue whose keys begin with `prefix`. */
export function entryOf(prefix: string, kv: KeyValue): Entry {
  const key = textOf(kv.key);
  const suffix = key.slice(prefix.length);
  const mode = modeOf(suffix);
  const isReader = mode.kind === "read" || (mode.kind === "write" && stateOf(kv) === "reader");
  const isCompanion = isCompanionSuffix(suffix);
  return { key, mode, isReader, isCompanion, createRevision: kv.createRevision, kv };
}

/** What to show it as: one that has nothing beside it any more is kept, whatever it was. */
export function shownAs({ mode, isReader, isCompanion }: Entry): Mode["kind"] {
  return isCompanion ? "kept" : isReader ? "read" : mode.kind;
}

/** The entries of a queue, without the companions of those that stand there themselves. */
export function withoutCompanions(entries: readonly Entry[]): readonly Entry[] {
  if (!entries.some(({ isCompanion }) => isCompanion)) return entries;
  const standing = new Set(
    entries.filter((entry) => !entry.isCompanion).map((entry) => entry.createRevision),
  );
  return entries.filter(
    ({ isCompanion, createRevision }) => !(isCompanion && standing.has(createRevision)),
  );
}

/** What its value says that the key does not. */
export function stateOf({ value }: KeyValue): string | undefined {
  return stringOrNot(jsonMembers(value)["state"]);
}

/** Orders entries, and whatever else has a place in a queue: the oldest first. */
export function byAge(a: { createRevision: bigint }, b: { createRevision: bigint }): number {
  return Number(a.createRevision - b.createRevision);
}

/** Who stands in an entry. Anybody may write one, so nothing is taken for granted. */
export function holderOf({ key, mode, createRevision, kv }: Entry): Holder {
  return {
    key,
    fencingToken: createRevision,
    expires: kv.lease !== 0n,
    // The value of a candidate is what it proposes, whatever that looks like.
    ...(mode.kind === "election" ? {} : claimsOf(kv.value)),
  };
}

/** What a value that `entryValue` wrote says; nothing is there of what cannot be understood. */
export function claimsOf(value: Uint8Array): Claims {
  const { nodeId, host, pid, since, reason } = jsonMembers(value);
  return {
    nodeId: stringOrNot(nodeId),
    host: stringOrNot(host),
    pid: typeof pid === "number" ? pid : undefined,
    since: stringOrNot(since),
    reason: stringOrNot(reason),
  };
}

function stringOrNot(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
