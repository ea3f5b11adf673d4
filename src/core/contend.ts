import { AlreadyLockedError, StoreError } from "../errors.ts";
import type { RequestOp } from "../etcd/api.ts";
import { followSignals } from "../signals.ts";
import type { Lingering } from "./companion.ts";
import { join, tryJoin } from "./join.ts";
import { leaveInTime } from "./leave.ts";
import type { Others } from "./others.ts";
import { Place } from "./place.ts";
import { Queue, type View } from "./queue.ts";
import type { Rule } from "./rule.ts";
import type { PositionListener } from "./tell-position.ts";
import { lostPlace, waitForTurns } from "./wait-turns.ts";

/** What somebody stands in line for: one queue or several, by one rule, with one value. */
export interface Ask {
  readonly queues: readonly Queue[];
  readonly rule: Rule;
  /** What the entries say of us. */
  readonly value: Uint8Array;
  /** What is to keep others out beside the entries, if anything. */
  readonly lingering?: Lingering | undefined;
  /** What to do along with joining, if it is our turn at once. */
  readonly along?: readonly RequestOp[];
}

/** How a contender waits. */
export interface ContendOptions {
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait in the queue, in milliseconds. */
  readonly waitMs?: number | undefined;
  /** Hears of its position, and of who holds, whenever that changes while it waits. */
  readonly onWait?: PositionListener | undefined;
}

/**
 * Joins each queue, waits for its turn in all, and leaves them again if the turn never comes.
 * Every primitive is this function with a rule of its own.
 *
 * @throws {AlreadyLockedError} when `waitMs` is over.
 * @throws {PlaceLostError} when our entry or session is lost first.
 * @throws {ClosedError} when the client is closed first.
 * @throws {DisagreementError} when others there go by another number.
 * @throws the signal's reason, when that aborts first.
 */
export async function contend(ask: Ask, options: ContendOptions): Promise<Place> {
  const { queues, rule, value, lingering } = ask;
  const { signal } = options;
  const { session } = queues[0] as Queue;
  const { clock } = session.options;
  const askedAt = clock.now();
  const place = new Place(session, queues, rule, { lingering });
  let waitsIn: number | undefined;

  try {
    const joinNow = async (): Promise<readonly View[]> => {
      if (place.companion) await place.companion.open({ signal });
      // Those who asked before us may have kept us waiting for long.
      if (place.loss) throw lostPlace(place);
      return join(place, value, { signal });
    };
    const views = await Queue.inOrder(queues, joinNow, signal);
    if (place.loss) throw lostPlace(place);
    // Only the wait for our turn is bounded by `waitMs`. The answer to our joining tells
    // whether there is anything to wait for at all.
    if (views.some(({ ahead }) => rule.blockers(ahead).length > 0)) {
      await boundedWait(place, views, askedAt, options, (index) => {
        waitsIn = index;
      });
    }
    return place;
  } catch (error) {
    const isOver = error instanceof OutOfTime;
    const others = await leaveInTime(place, isOver ? waitsIn : undefined);
    if (signal?.aborted) throw signal.reason;
    // Whoever never had a place is told what kept it from getting one.
    const isOut = error instanceof StoreError && place.createRevision === 0n;
    if (place.loss && !isOut) throw lostPlace(place);
    if (!isOver) throw error;
    throw new AlreadyLockedError(queues[waitsIn ?? 0]?.name ?? "", others);
  }
}

/** The time that somebody had for waiting is over. */
class OutOfTime extends Error {}

/** Waits for the turns of a place, until the time for that is over. */
async function boundedWait(
  place: Place,
  views: readonly View[],
  askedAt: number,
  { signal, waitMs = Number.POSITIVE_INFINITY, onWait }: ContendOptions,
  onBlocked: (index: number) => void,
): Promise<void> {
  const { clock } = place.session.options;
  const isBounded = waitMs !== Number.POSITIVE_INFINITY;
  const outOfTime = isBounded ? new AbortController() : undefined;
  const stopTimer = outOfTime
    ? clock.setTimer(askedAt + waitMs - clock.now(), () => outOfTime.abort(new OutOfTime()))
    : () => {};
  const waiting = followSignals(signal, outOfTime?.signal);
  try {
    await waitForTurns(place, views, { signal: waiting.signal, onWait, onBlocked });
  } finally {
    stopTimer();
    waiting.unfollow();
  }
}

/**
 * Takes the lock if it is our turn at once: one round trip when nobody is there. Resolves with
 * who is in our way otherwise, and leaves nothing.
 */
export async function attempt(
  { queues, rule, value, lingering, along }: Ask,
  { signal }: Pick<ContendOptions, "signal">,
): Promise<Place | Others> {
  const { session } = queues[0] as Queue;
  const place = new Place(session, queues, rule, { lingering });
  try {
    if (place.companion) {
      await place.companion.open({ signal });
      if (place.loss) throw lostPlace(place);
    }
    const others = await tryJoin(place, value, { signal }, along);
    if (place.loss) throw lostPlace(place);
    if (!others) return place;
    place.forget();
    return others;
  } catch (error) {
    await leaveInTime(place);
    if (signal?.aborted) throw signal.reason;
    throw place.loss && !(error instanceof StoreError) ? lostPlace(place) : error;
  }
}
