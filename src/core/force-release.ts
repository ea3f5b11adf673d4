import { type Holder, InvalidOptionError } from "../errors.ts";
import type { KeyRange } from "../etcd/api.ts";
import { followSignals } from "../signals.ts";
import { type Entry, holderOf } from "./entry.ts";
import { bytesOf, queuePrefix, sessionKey } from "./keys.ts";
import { checkDuration, checkFilled, checkKnown, checkSignal } from "./options.ts";
import { entriesOf, isOn, madeAt, read } from "./queue-requests.ts";
import { readQueue, untilQueue } from "./queue-view.ts";
import { revocationKey, revocationValue } from "./revocation.ts";
import { holdersAmong } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/** What `forceRelease` takes. */
export interface ForceReleaseOptions {
  /** Why: at most 4,096 bytes. The holder's `LockLostError` says it. */
  readonly reason: string;
  /** Who does it: at most 4,096 bytes. @default the client's `nodeId` */
  readonly by?: string | undefined;
  /**
   * How long, in milliseconds, the holder has from when it is told until its key goes. A holder
   * that releases earlier is not waited for any longer.
   *
   * @default 1_000
   */
  readonly graceMs?: number | undefined;
  /** Only the holder with this token, where several hold. @default all who hold */
  readonly fencingToken?: bigint | undefined;
  /** Gives up when it aborts. Those who were told have lost their hold all the same. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a lock away from whoever holds it: tells the holder who and why, waits until it has let
 * go, or the grace is over, and removes the key then. Each step is guarded by the revision of that
 * very key, so a later holder is never hit. Resolves with those who held it.
 */
export async function forceRelease(
  sessions: Sessions,
  name: string,
  options: ForceReleaseOptions,
): Promise<readonly Holder[]> {
  checkKnown(options, ["reason", "by", "graceMs", "fencingToken", "signal"]);
  checkFilled("reason", options.reason);
  if (options.by !== undefined) checkFilled("by", options.by);
  checkDuration("graceMs", options.graceMs);
  if (options.fencingToken !== undefined && typeof options.fencingToken !== "bigint") {
    throw new InvalidOptionError("fencingToken", "a bigint", options.fencingToken);
  }
  checkSignal(options.signal);
  const { namespace, clock, identity } = sessions.options;
  const { reason, by = identity.nodeId, graceMs = 1_000, fencingToken, signal } = options;

  const prefix = queuePrefix(namespace, name);
  const entries = await readQueue(sessions, prefix, { signal });
  const holders = entries
    .slice(0, holdersAmong(entries))
    .filter(({ createRevision }) => (fencingToken ?? createRevision) === createRevision);
  if (holders.length === 0) return [];
  const value = revocationValue({ by, reason, graceMs });
  await Promise.all(holders.map((holder) => tell(sessions, holder, value, signal)));

  const isStill = ({ key, createRevision }: Entry): boolean =>
    holders.some((holder) => holder.key === key && holder.createRevision === createRevision);
  const grace = new AbortController();
  const waiting = followSignals(signal, grace.signal);
  const stopTimer = clock.setTimer(graceMs, () => grace.abort());
  try {
    await untilQueue(sessions, prefix, (now) => !now.some(isStill), waiting.signal);
  } catch (error) {
    if (!grace.signal.aborted || signal?.aborted) throw error;
  } finally {
    stopTimer();
    waiting.unfollow();
  }
  await Promise.all(holders.map((holder) => remove(sessions, holder, signal)));
  return holders.map(holderOf);
}

/** Tells a holder, if it is one of ours, and is still there. */
async function tell(
  sessions: Sessions,
  { kv, createRevision }: Pick<Entry, "kv" | "createRevision">,
  value: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { namespace } = sessions.options;
  const session = bytesOf(sessionKey(namespace, kv.lease));
  const key = revocationKey(namespace, kv.lease, createRevision);
  const { succeeded, responses } = await sessions.ask(
    {
      compare: [
        ...madeAt([kv], createRevision),
        isOn(kv, kv.lease),
        { key: session, target: "lease", result: "equal", operand: kv.lease },
        { key: session, target: "createRevision", result: "greater", operand: 0n },
      ],
      success: [{ op: "put", request: { key, value, lease: kv.lease } }],
      failure: [read(kv)],
    },
    { signal },
  );
  if (succeeded) return;
  const [now] = entriesOf(responses[0]);
  // Its session has moved to another lease meanwhile.
  if (now?.createRevision === createRevision && now.lease !== kv.lease) {
    await tell(sessions, { kv: now, createRevision }, value, signal);
  }
}

/** Removes a holder's key, if it is still the one that was told, and what told it. */
async function remove(
  sessions: Sessions,
  { kv, createRevision }: Entry,
  signal: AbortSignal | undefined,
): Promise<void> {
  const told: KeyRange = {
    key: revocationKey(sessions.options.namespace, kv.lease, createRevision),
  };
  await sessions.ask(
    {
      compare: madeAt([kv], createRevision),
      success: [
        { op: "deleteRange", request: { key: kv.key } },
        { op: "deleteRange", request: told },
      ],
      failure: [{ op: "deleteRange", request: told }],
    },
    { signal },
  );
}
