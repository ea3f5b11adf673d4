import { type Holder, StoreUnavailableError } from "../errors.ts";
import type { KeyValue } from "../etcd/api.ts";
import { claimsOf, holderOf, shownAs } from "./entry.ts";
import { Gate } from "./gate.ts";
import { bytesOf, queuePrefix, sessionKey, textOf } from "./keys.ts";
import type { Mode } from "./mode.ts";
import { checkWaiting } from "./options.ts";
import { entriesOf } from "./queue-requests.ts";
import { readQueue } from "./queue-view.ts";
import type { Waiting } from "./requester.ts";
import { holdersAmong } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/** One who stands in a queue, as `inspect` shows it. */
export interface Contender extends Holder {
  /**
   * What it stands there for: `exclusive` for a plain lock and everybody unknown, `kept` for what
   * `once` leaves until its tick is over, and for what `lingerMs` and `minHoldMs` leave of a hold.
   */
  readonly mode: Mode["kind"];
  /** Of a semaphore: how many permits it takes. */
  readonly permits?: number | undefined;
  /** Of a candidate: what it proposes. */
  readonly value?: string | undefined;
  /** The lease that its key goes with; 0 for none. */
  readonly lease: bigint;
  /** How long that lease has left if it is not renewed, in whole seconds by etcd; undefined without a lease. */
  readonly ttlLeftMs: number | undefined;
  /** Whether it is this client itself. */
  readonly isOurs: boolean;
  /** Whether it is no microlock client: a Go service, say, or etcdctl. */
  readonly isForeign: boolean;
}

/** A lock at one moment. */
export interface Inspection {
  /** The name of the lock. */
  readonly name: string;
  /** Those who hold it, oldest first. */
  readonly holders: readonly Contender[];
  /** Those who wait for it, in the order of their turns. */
  readonly waiters: readonly Contender[];
}

// Etcd takes 128 operations in a transaction.
const readsAtOnce = 100;
const callsAtOnce = 32;

/** Looks at who stands in the queue of a lock, at one revision, and a little later at their leases. */
export async function inspect(
  sessions: Sessions,
  name: string,
  waiting: Waiting = {},
): Promise<Inspection> {
  checkWaiting(waiting);
  const prefix = queuePrefix(sessions.options.namespace, name);
  const entries = await readQueue(sessions, prefix, waiting);
  const leases = [...new Set(entries.map(({ kv }) => kv.lease))].filter((lease) => lease !== 0n);
  const [known, left, own] = await Promise.all([
    sessionsOn(sessions, leases, waiting),
    timesLeft(sessions, leases, waiting),
    sessions.session(waiting.signal),
  ]);
  const contenders = entries.map((entry): Contender => {
    const { mode, kv } = entry;
    const session = known.get(kv.lease);
    const facts = holderOf(entry);
    return {
      ...facts,
      ...(facts.nodeId === undefined && session ? claimsOf(session.value) : {}),
      mode: shownAs(entry),
      ...(mode.kind === "permits" ? { permits: mode.taken } : {}),
      ...(mode.kind === "election" ? { value: textOf(kv.value) } : {}),
      lease: kv.lease,
      ttlLeftMs: left.get(kv.lease),
      isOurs: own.isOwn(kv.lease),
      isForeign: !session && facts.nodeId === undefined,
    };
  });
  const count = holdersAmong(entries);
  return { name, holders: contenders.slice(0, count), waiters: contenders.slice(count) };
}

/** The keys of the sessions that have some leases. */
async function sessionsOn(
  sessions: Sessions,
  leases: readonly bigint[],
  waiting: Waiting,
): Promise<ReadonlyMap<bigint, KeyValue>> {
  const { namespace } = sessions.options;
  const known = new Map<bigint, KeyValue>();
  for (let index = 0; index < leases.length; index += readsAtOnce) {
    const success = leases.slice(index, index + readsAtOnce).map((lease) => ({
      op: "range" as const,
      request: { key: bytesOf(sessionKey(namespace, lease)) },
    }));
    const { responses } = await sessions.ask({ success }, waiting);
    for (const kv of responses.flatMap(entriesOf)) known.set(kv.lease, kv);
  }
  return known;
}

/** How long leases have left, as far as etcd says. */
async function timesLeft(
  { etcd, options }: Sessions,
  leases: readonly bigint[],
  { signal, timeoutMs = options.callTimeoutMs }: Waiting,
): Promise<ReadonlyMap<bigint, number>> {
  const { clock } = options;
  const giveUpAt = clock.now() + timeoutMs;
  const gate = new Gate(callsAtOnce);
  const left = new Map<bigint, number>();
  const ask = async (id: bigint): Promise<void> => {
    const leftMs = giveUpAt - clock.now();
    if (leftMs <= 0) return;
    try {
      const { ttl } = await etcd.leaseTimeToLive({ id }, { signal, timeoutMs: leftMs });
      left.set(id, Math.max(0, Number(ttl) * 1_000));
    } catch (error) {
      // Who stands there is known all the same.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  };
  await Promise.all(leases.map((lease) => gate.pass(() => ask(lease))));
  return left;
}
