import type { Holder } from "../errors.ts";
import type { KeyRange, KeyValue } from "../etcd/api.ts";
import { byAge, type Entry, entryOf, holderOf, withoutCompanions } from "./entry.ts";
import {
  behind,
  bytesOf,
  encodedName,
  keysBelow,
  nameOf,
  prefixEnd,
  queuePrefix,
  sessionsPrefix,
  textOf,
} from "./keys.ts";
import { checkCount, checkKnown, checkSignal, checkString } from "./options.ts";
import { entriesOf } from "./queue-requests.ts";
import { holdersAmong } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/** What `list` takes. */
export interface ListOptions {
  /** Only locks whose names begin with it. @default "" */
  readonly prefix?: string | undefined;
  /** How many entries to ask etcd for at once, from 1 to 10,000. @default 500 */
  readonly pageSize?: number | undefined;
  /** Ends it with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const pageSizeDefault = 500;

/** A lock that somebody holds, as `list` shows it. */
export interface LockSummary {
  /** The name of the lock. */
  readonly name: string;
  /** Those who hold it, oldest first. */
  readonly holders: readonly Holder[];
  /** How many wait for it. */
  readonly waiters: number;
}

/** Who stands in the queue of a lock. */
export interface NamedQueue {
  readonly name: string;
  /** Oldest first. */
  readonly entries: readonly Entry[];
}

/**
 * The locks of the namespace that somebody holds, by the order of their keys, one page after
 * another: there is never more than a page of them, and the queue of one lock, in memory. A lock
 * that is taken or released meanwhile may be in it or not.
 */
export function list(
  sessions: Sessions,
  options: ListOptions = {},
): AsyncGenerator<LockSummary, void, undefined> {
  return summaries(queues(sessions, options));
}

/** The same, with all who stand in their queues. */
export function queues(
  sessions: Sessions,
  options: ListOptions = {},
): AsyncGenerator<NamedQueue, void, undefined> {
  checkKnown(options, ["prefix", "pageSize", "signal"]);
  const { prefix = "", pageSize = pageSizeDefault, signal } = options;
  checkString("prefix", prefix);
  checkCount("pageSize", pageSize, 10_000);
  checkSignal(signal);
  return queuesBelow(sessions, prefix, pageSize, signal);
}

async function* summaries(
  found: AsyncIterable<NamedQueue>,
): AsyncGenerator<LockSummary, void, undefined> {
  for await (const { name, entries } of found) {
    const count = holdersAmong(entries);
    const holders = entries.slice(0, count).map(holderOf);
    yield { name, holders, waiters: entries.length - count };
  }
}

/** The entries of each lock whose name begins with `prefix`, oldest first. */
export async function* queuesBelow(
  sessions: Sessions,
  prefix: string,
  pageSize: number = pageSizeDefault,
  signal?: AbortSignal | undefined,
): AsyncGenerator<NamedQueue, void, undefined> {
  const { namespace } = sessions.options;
  let name: string | undefined;
  let entries: Entry[] = [];
  for await (const kv of pages(sessions, namespace + encodedName(prefix), pageSize, signal)) {
    const next = nameOf(namespace, kv.key);
    if (next !== name) {
      if (name !== undefined) yield { name, entries: withoutCompanions(entries.sort(byAge)) };
      [name, entries] = [next, []];
    }
    // A key that belongs to no lock, which others may have put there.
    if (next === undefined) continue;
    entries.push(entryOf(queuePrefix(namespace, next), kv));
  }
  if (name !== undefined) yield { name, entries: withoutCompanions(entries.sort(byAge)) };
}

/** All keys that begin with `prefix`, but for those of sessions, page by page. */
async function* pages(
  sessions: Sessions,
  prefix: string,
  pageSize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<KeyValue, void, undefined> {
  const hidden = sessionsPrefix(sessions.options.namespace);
  let range: KeyRange | undefined = keysBelow(prefix);
  while (range) {
    const request = { ...range, limit: BigInt(pageSize) };
    const { responses } = await sessions.ask({ success: [{ op: "range", request }] }, { signal });
    const [response] = responses;
    const kvs = entriesOf(response);
    for (const kv of kvs) {
      if (!textOf(kv.key).startsWith(hidden)) yield kv;
    }
    const last = kvs.at(-1)?.key;
    if (!last || response?.op !== "range" || !response.response.more) return;
    // Right behind the last one; or behind all sessions, which may be many.
    const key: Uint8Array = textOf(last).startsWith(hidden)
      ? prefixEnd(bytesOf(hidden))
      : behind(last);
    range = { ...range, key };
  }
}
