import { type Holder, StoreError } from "../errors.ts";
import { type Entry, holderOf, shownAs, withoutCompanions } from "./entry.ts";
import { bytesOf, sessionKey } from "./keys.ts";
import type { Mode } from "./mode.ts";
import type { Change } from "./queue-entries.ts";
import { entriesOf } from "./queue-requests.ts";
import { revocationKey } from "./revocation.ts";
import { holdersAmong } from "./rule.ts";
import type { Sessions } from "./sessions.ts";
import { throughConsensus } from "./through-consensus.ts";

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
  /** The name of the lock. */
  readonly name: string;
  /** To whom: what it stands there for. */
  readonly mode: Mode["kind"];
  /** The revision of etcd at which it happened. */
  readonly revision: bigint;
}

/** What a change of a queue means to those who stand in it: first who went, then who came, then who got in. */
export async function eventsOf(
  sessions: Sessions,
  name: string,
  change: Change,
): Promise<readonly LockEvent[]> {
  const { revision } = change;
  const joined = change.joined.filter(isContender);
  const left = change.left.filter(isContender);
  const held = new Set(holdersOf(change.before).map(({ key }) => key));
  const isNew = ({ key }: Entry): boolean =>
    !held.has(key) || joined.some((entry) => entry.key === key);
  const event = (type: LockEvent["type"], entry: Entry): LockEvent => ({
    ...holderOf(entry),
    type,
    name,
    mode: shownAs(entry),
    revision,
  });
  const ends = await Promise.all(
    left.map((entry) => endOf(sessions, entry, revision, held.has(entry.key))),
  );
  return [
    ...left.map((entry, index) => event(ends[index] ?? "left", entry)),
    ...joined.map((entry) => event("joined", entry)),
    ...holdersOf(change.now)
      .filter(isNew)
      .map((entry) => event("acquired", entry)),
  ];
}

/** What only keeps others out is nobody who asks, but is waited for. */
function holdersOf(all: readonly Entry[]): readonly Entry[] {
  const entries = withoutCompanions(all);
  return entries.slice(0, holdersAmong(entries)).filter(isContender);
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
