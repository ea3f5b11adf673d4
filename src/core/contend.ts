import { sleep, within } from "../clock.ts";
import {
  AlreadyLockedError,
  ClosedError,
  type Holder,
  PlaceLostError,
  StoreError,
  StoreUnavailableError,
} from "../errors.ts";
import type { RequestOp } from "../etcd/api.ts";
import { followSignals } from "../signals.ts";
import { type Others, Place } from "./place.ts";
import { Queue, type View } from "./queue.ts";
import type { Rule } from "./rule.ts";
import { tellPosition } from "./tell-position.ts";

/** What somebody stands in line for: one queue or several, by one rule, with one value. */
export interface Ask {
  readonly queues: readonly Queue[];
  readonly rule: Rule;
  /** What the entries say of us. */
  readonly value: Uint8Array;
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
  readonly onWait?: ((position: number, holder: Holder | undefined) => void) | undefined;
}

// How long to wait for the answer to our leaving before we tell the caller that we gave up.
const leaveMs = 1_000;
// Before a waiter that got no answer looks again.
const pauseMs = 100;

/**
 * Joins each queue, waits for its turn in all, and leaves them again if the turn never comes.
 * Every primitive is this function with a rule of its own.
 *
 * Nobody is overtaken, so a turn that has come in one queue stays while we wait in the next.
 *
 * @throws {AlreadyLockedError} when `waitMs` is over.
 * @throws {PlaceLostError} when our entry or session is lost first.
 * @throws {ClosedError} when the client is closed first.
 * @throws {DisagreementError} when others there go by another number.
 * @throws the signal's reason, when that aborts first.
 */
export async function contend(ask: Ask, options: ContendOptions): Promise<Place> {
  const { queues, rule, value } = ask;
  const { signal, waitMs } = options;
  const { session } = queues[0] as Queue;
  const { clock } = session.options;
  const outOfTime = new AbortController();
  const stopTimer =
    waitMs === undefined || waitMs === Number.POSITIVE_INFINITY
      ? () => {}
      : clock.setTimer(waitMs, () => outOfTime.abort());
  const waiting = followSignals(signal, outOfTime.signal);
  const place = new Place(session, queues, rule);
  let waitsIn: number | undefined;

  try {
    // Only the wait for our turn is bounded by `waitMs`. The answer to our joining tells
    // whether there is anything to wait for at all.
    const join = (): Promise<readonly View[]> => {
      // Those who asked before us may have kept us waiting for long.
      if (place.loss) throw lostPlace(place);
      return place.join(value, { signal });
    };
    const views = await Queue.inOrder(queues, join, signal);
    for (const [index, view] of views.entries()) {
      waitsIn = index;
      await waitForTurn(place, index, view, waiting.signal, options);
    }
    if (place.loss) throw lostPlace(place);
    return place;
  } catch (error) {
    const isOver = outOfTime.signal.aborted && error === outOfTime.signal.reason;
    const others = await leaveInTime(place, isOver ? waitsIn : undefined);
    if (signal?.aborted) throw signal.reason;
    // Whoever never had a place is told what kept it from getting one.
    const isOut = error instanceof StoreError && place.createRevision === 0n;
    if (place.loss && !isOut) throw lostPlace(place);
    if (!isOver) throw error;
    throw new AlreadyLockedError(queues[waitsIn ?? 0]?.name ?? "", others);
  } finally {
    stopTimer();
    waiting.unfollow();
  }
}

/** Waits until nobody stands in our way any more in one of the queues. */
async function waitForTurn(
  place: Place,
  index: number,
  before: View,
  signal: AbortSignal,
  { onWait }: ContendOptions,
): Promise<void> {
  const { rule } = place;
  const queue = place.queues[index] as Queue;
  const key = place.keys[index] as string;
  const telling = onWait && rule.blockers(before.ahead).length > 0;
  const position = telling ? tellPosition(queue, key, onWait) : undefined;
  const waiting = followSignals(signal, position?.failed);
  try {
    for (let view = before; ; ) {
      if (place.loss) throw lostPlace(place);
      const blocking = rule.blockers(view.ahead);
      if (blocking.length === 0) return;
      // What becomes of our entries in the others matters as well.
      for (const each of place.queues) each.keepWatch();
      view =
        (await queue.changed(place, key, blocking, view.revision, waiting.signal)) ??
        (await lookAgain(place, index, waiting.signal));
    }
  } finally {
    position?.stop();
    waiting.unfollow();
  }
}

/**
 * Takes the lock if it is our turn at once: one round trip when nobody is there. Resolves with
 * who is in our way otherwise, and leaves nothing.
 */
export async function attempt(
  { queues, rule, value, along }: Ask,
  { signal }: Pick<ContendOptions, "signal">,
): Promise<Place | Others> {
  const { session } = queues[0] as Queue;
  const place = new Place(session, queues, rule);
  try {
    const others = await place.tryJoin(value, { signal }, along);
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

/**
 * Leaves, and waits for the answer for a second: whoever gives up is not kept waiting by an etcd
 * that does not answer. It goes on in the background.
 */
export function leaveInTime(place: Place, waitedIn?: number): Promise<Others | undefined> {
  return within(place.session.options.clock, leaveMs, place.leave(waitedIn));
}

/**
 * Looks who is ahead. While etcd does not answer, our entry still stands there, as long as
 * the session does: who has waited for long does not give up a place for that.
 */
async function lookAgain(place: Place, index: number, signal: AbortSignal): Promise<View> {
  for (;;) {
    try {
      return await place.look(index, { signal });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || signal.aborted || place.loss) throw error;
      await sleep(place.session.options.clock, pauseMs, signal);
    }
  }
}

function lostPlace(place: Place): Error {
  const { reason = "deleted", cause } = place.loss ?? {};
  if (reason === "closed") return new ClosedError();
  return new PlaceLostError(place.queues.map(({ name }) => name).join(", "), reason, { cause });
}
