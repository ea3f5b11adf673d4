import { type Holder, StoreError, WatchOverrunError } from "../errors.ts";
import { type Entry, holderOf, shownAs, withoutCompanions } from "./entry.ts";
import { Feed } from "./feed.ts";
import { bytesOf, queuePrefix, sessionKey } from "./keys.ts";
import { type Change, Mirror } from "./mirror.ts";
import type { Mode } from "./mode.ts";
import { checkSignalOnly } from "./options.ts";
import { entriesOf } from "./queue-requests.ts";
import { revocationKey } from "./revocation.ts";
import { holdersAmong } from "./rule.ts";
import type { Sessions } from "./sessions.ts";
import { throughConsensus } from "./through-consensus.ts";

/** What `watch` takes. */
export interface WatchLockOptions {
  /** Ends it with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Something that happened in the queue of a lock:
 *
 * - `joined`: it asked, and stands in the queue now.
 * - `acquired`: it holds from now on.
 * - `released`: it held, and let go.
 * - `left`: it waited, and gave up.
 * - `expired`: its lease ended: it died, lost touch with etcd, or was closed while it held.
 * - `revoked`: it held, and `forceRelease` took that away. One that is no microlock client, and so
 *   was not told, is `released`.
 */
export interface LockEvent extends Holder {
  /** What happened. */
  readonly type: "joined" | "acquired" | "released" | "left" | "expired" | "revoked";
  /** To whom: what it stands there for. */
  readonly mode: Mode["kind"];
  /** The revision of etcd at which it happened. */
  readonly revision: bigint;
}

/** The events of one lock, one after another. */
export interface LockWatch extends AsyncIterableIterator<LockEvent> {
  /** Resolves once the watch stands: what happens from then on is told. */
  readonly standing: Promise<void>;
}

// Who is as far behind as that will not catch up.
const eventsMax = 10_000;

/** Tells of what happens in the queue of a lock: in order, nothing twice, nothing left out. */
export function watchLock(
  sessions: Sessions,
  name: string,
  options: WatchLockOptions = {},
): LockWatch {
  checkSignalOnly(options);
  const { signal } = options;
  let holders: readonly Entry[] = [];
  let told = Promise.resolve();
  let behind = 0;
  let stand = (): void => {};
  const standing = new Promise<void>((resolve) => {
    stand = resolve;
  });
  let isFirst = true;

  const tell = (change: Change, before: readonly Entry[], now: readonly Entry[]): void => {
    behind += 1;
    if (behind + feed.size > eventsMax) {
      feed.fail(new WatchOverrunError(name, "it is read more slowly than things happen"));
      return;
    }
    told = told.then(async () => {
      const { revision } = change;
      const joined = change.joined.filter(isContender);
      const left = change.left.filter(isContender);
      const event = (type: LockEvent["type"], entry: Entry): LockEvent => ({
        ...holderOf(entry),
        type,
        mode: shownAs(entry),
        revision,
      });
      const held = new Set(before.map(({ key }) => key));
      for (const entry of left) {
        feed.push(event(await endOf(sessions, entry, revision, held.has(entry.key)), entry));
      }
      for (const entry of joined) feed.push(event("joined", entry));
      const isNew = ({ key }: Entry): boolean =>
        !held.has(key) || joined.some((entry) => entry.key === key);
      for (const entry of now.filter(isNew)) feed.push(event("acquired", entry));
      behind -= 1;
    });
    told.catch((error: unknown) => feed.fail(error));
  };

  const prefix = queuePrefix(sessions.options.namespace, name);
  const mirror = new Mirror(sessions, prefix, (change) => {
    const entries = withoutCompanions(mirror.entries ?? []);
    const before = holders;
    // What only keeps others out is nobody who asks, but is waited for.
    holders = entries.slice(0, holdersAmong(entries)).filter(isContender);
    if (change) tell(change, before, holders);
    else if (isFirst) stand();
    else feed.fail(new WatchOverrunError(name, "etcd has forgotten it already (compaction)"));
    isFirst = false;
  });
  const feed: Feed<LockEvent> = new Feed({
    clock: sessions.options.clock,
    signal,
    closed: sessions.closed,
    onEnd() {
      mirror.close();
      stand();
    },
  });
  return Object.assign(feed, { standing });
}

function isContender(entry: Entry): boolean {
  return shownAs(entry) !== "kept";
}

/** Why an entry went at a revision: what else went at that very revision tells. */
async function endOf(
  sessions: Sessions,
  { kv, createRevision }: Entry,
  revision: bigint,
  held: boolean,
): Promise<LockEvent["type"]> {
  const { namespace } = sessions.options;
  const orderly = held ? "released" : "left";
  const session = { key: bytesOf(sessionKey(namespace, kv.lease)) };
  const revoked = { key: revocationKey(namespace, kv.lease, createRevision) };
  try {
    const { responses } = await sessions.ask({
      success: [
        { op: "range", request: { ...session, revision: revision - 1n } },
        { op: "range", request: { ...session, revision } },
        { op: "range", request: { ...revoked, revision: revision - 1n } },
      ],
      failure: [throughConsensus(session.key)],
    });
    const [before, after, request] = responses.map((response) => entriesOf(response).length > 0);
    if (before) return after ? (request && held ? "revoked" : orderly) : "expired";
    // It is no session of ours: a Go service, say.
    const { ttl } = await sessions.etcd.leaseTimeToLive({ id: kv.lease });
    return kv.lease !== 0n && ttl < 0n ? "expired" : orderly;
  } catch (error) {
    // Etcd has forgotten that moment, or does not answer: that it went is known all the same.
    if (error instanceof StoreError) return orderly;
    throw error;
  }
}
