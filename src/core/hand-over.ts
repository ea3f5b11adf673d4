import { LockLostError, type LossReason, StoreUnavailableError } from "../errors.ts";
import type { Detached } from "./detached.ts";
import { claimsOf, entryValue, stateOf } from "./entry.ts";
import { modeOf } from "./mode.ts";
import { Place } from "./place.ts";
import type { Queue } from "./queue.ts";
import { entriesOf, isOn, madeAt, read, type Spot } from "./queue-requests.ts";
import { exclusiveRule, ruleOf } from "./rule.ts";
import { throughConsensus } from "./through-consensus.ts";
import type { Step } from "./transactor.ts";
import { turnAt } from "./turns.ts";
import { endLease, grantLease } from "./unrenewed-lease.ts";

/**
 * Puts a place's entries on a lease of their own, which nobody keeps alive: they stand there,
 * in their places, for `ttlMs`. Resolves with the lease.
 *
 * @throws {EntryLostError} when the place is not ours.
 */
export async function leaveBehind(place: Place, ttlMs: number): Promise<bigint> {
  place.startDetaching();
  try {
    const { id } = await grantLease(place.session, ttlMs);
    await moveTo(id, place);
    return id;
  } catch (error) {
    // Wherever the entries are now, nobody will come for them.
    void place.withdraw();
    throw error;
  } finally {
    place.forget();
  }
}

async function moveTo(lease: bigint, place: Place): Promise<void> {
  const { session } = place;
  const { spots } = place.own;
  try {
    const { succeeded, responses } = await session.commit(() => ({
      compare: place.guard,
      success: spots.map(({ key }) => ({
        op: "put",
        request: { key, lease, value: new Uint8Array(), ignoreValue: true },
      })),
      otherwise: spots.slice(0, 1).map(read),
    }));
    const [entry] = entriesOf(responses[0]);
    // An earlier attempt, whose answer got lost, may have been carried out.
    if (!succeeded && entry?.lease !== lease) throw place.missing(entry !== undefined);
  } catch (error) {
    void endLease(session, lease);
    throw error;
  }
}

/**
 * Takes on what somebody left behind, with its places in the queues. It goes once: the entries
 * move from that lease to ours.
 *
 * @throws {LockLostError} when it is not there any more, or somebody else has it already.
 */
export async function takeOn(queues: readonly Queue[], left: Detached): Promise<Place> {
  const [{ session, prefix }] = queues as [Queue];
  const { identity, clock } = session.options;
  // One that was not answered is given up first: that must not hit who asks again.
  const endTurn = await turnAt(session, left.keys[0] ?? "");
  const mode = modeOf((left.keys[0] ?? "").slice(prefix.length));
  const place = new Place(session, queues, ruleOf(mode) ?? exclusiveRule, { known: left });
  const { spots } = place.own;
  const [first] = spots as [Spot];
  try {
    const { responses: standing } = await session.ask({
      success: [read(first)],
      failure: [throughConsensus(first.key)],
    });
    const [before] = entriesOf(standing[0]);
    if (before?.createRevision !== left.createRevision) throw gone(left, "expired");
    if (before.lease !== left.lease) throw gone(left, "detached");

    const state = stateOf(before);
    const { reason } = claimsOf(before.value);
    const value = entryValue(identity, clock.wallTime(), { reason, state });
    // What a candidate proposes stays what it is.
    const said = place.mode.kind === "election" ? before.value : value;
    const step = (): Step => ({
      compare: [...madeAt(spots, left.createRevision), isOn(first, left.lease)],
      success: spots.map(({ key }) => ({
        op: "put",
        request: { key, lease: session.lease, value: said },
      })),
      otherwise: [read(first)],
    });
    const { succeeded, responses, repeated, revision } = await place.put(step, said);
    const [after] = entriesOf(responses[0]);
    // An earlier attempt, whose answer got lost, may have been carried out.
    if (!succeeded && !(repeated && after && session.isOwn(after.lease))) {
      throw gone(left, after ? "detached" : "expired");
    }
    place.tookOn(revision);
    if (state === "reader") place.becameReader(revision);
  } catch (error) {
    // What may have been carried out without an answer must not hold the lock for nobody.
    if (error instanceof StoreUnavailableError) void place.withdraw().then(endTurn);
    else endTurn();
    place.forget();
    throw error;
  }
  endTurn();
  // It holds nothing any more, and would end by itself.
  void endLease(session, left.lease);
  return place;
}

function gone({ names }: Detached, reason: LossReason): LockLostError {
  const why =
    reason === "detached"
      ? "somebody else has attached it"
      : "it waited for longer than its time, or whoever attached it has released it";
  return new LockLostError(names.join(", "), reason, { cause: new Error(why) });
}
