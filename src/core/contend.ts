import { sleep, within } from "../clock.ts";
import {
  AlreadyLockedError,
  ClosedError,
  PlaceLostError,
  StoreError,
  StoreUnavailableError,
} from "../errors.ts";
import type { KeyValue } from "../etcd/api.ts";
import { followSignals } from "../signals.ts";
import { entryValue } from "./entry.ts";
import { Hold } from "./hold.ts";
import type { Others, Place } from "./place.ts";
import type { Queue, View } from "./queue.ts";

/** What makes one primitive differ from another. */
export interface Rule {
  /** How many of the entries ahead it has to see, counted from the last one; 0 for all. */
  readonly lookback: number;
  /**
   * Picks, from the entries ahead (newest first), those that stand in our way. None means
   * that it is our turn; else we look again once any of them has gone.
   */
  blockers(ahead: readonly KeyValue[]): readonly KeyValue[];
}

/** How a contender waits. */
export interface ContendOptions {
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait in the queue, in milliseconds. */
  readonly waitMs?: number | undefined;
  /** What the lock is wanted for. */
  readonly reason?: string | undefined;
}

// How long to wait for the answer to our leaving before we tell the caller that we gave up.
const leaveMs = 1_000;
// Before a waiter that got no answer looks again.
const pauseMs = 100;

/**
 * Joins the queue, waits for its turn, and leaves the queue again if the turn never comes.
 * Every primitive is this function with a rule of its own.
 *
 * @throws {AlreadyLockedError} when `waitMs` is over.
 * @throws {PlaceLostError} when our entry or session is lost first.
 * @throws {ClosedError} when the client is closed first.
 * @throws the signal's reason, when that aborts first.
 */
export async function contend(queue: Queue, rule: Rule, options: ContendOptions): Promise<Hold> {
  const { signal, waitMs } = options;
  const { clock } = queue.session.options;
  const outOfTime = new AbortController();
  const stopTimer =
    waitMs === undefined || waitMs === Number.POSITIVE_INFINITY
      ? () => {}
      : clock.setTimer(waitMs, () => outOfTime.abort());
  const waiting = followSignals(signal, outOfTime.signal);
  const place = queue.newPlace();

  try {
    // Only the wait for our turn is bounded by `waitMs`. The answer to our joining tells
    // whether there is anything to wait for at all.
    const value = entry(queue, options);
    const join = (): Promise<View> => {
      // Those who asked before us may have kept us waiting for long.
      if (place.loss) throw lostPlace(place);
      return place.join(value, rule.lookback, { signal });
    };
    let view = await queue.inOrder(join, signal);
    for (;;) {
      if (place.loss) throw lostPlace(place);
      const blocking = rule.blockers(view.ahead);
      if (blocking.length === 0) return new Hold(place);
      view =
        (await queue.changed(place, blocking, view.revision, waiting.signal)) ??
        (await lookAgain(place, rule, waiting.signal));
    }
  } catch (error) {
    const others = await leave(place);
    if (signal?.aborted) throw signal.reason;
    // Whoever never had a place is told what kept it from getting one.
    const isOut = error instanceof StoreError && place.createRevision === 0n;
    if (place.loss && !isOut) throw lostPlace(place);
    if (outOfTime.signal.aborted && error === outOfTime.signal.reason) {
      throw new AlreadyLockedError(queue.name, others);
    }
    throw error;
  } finally {
    stopTimer();
    waiting.unfollow();
  }
}

/**
 * Takes the lock if nobody holds it and nobody waits for it: one round trip. Resolves with
 * who does otherwise, and leaves nothing.
 */
export async function attempt(
  queue: Queue,
  options: Pick<ContendOptions, "signal" | "reason">,
): Promise<Hold | Others> {
  const place = queue.newPlace();
  try {
    const others = await place.tryJoin(entry(queue, options), options);
    if (place.loss) throw lostPlace(place);
    if (!others) return new Hold(place);
    place.forget();
    return others;
  } catch (error) {
    await leave(place);
    if (options.signal?.aborted) throw options.signal.reason;
    throw place.loss && !(error instanceof StoreError) ? lostPlace(place) : error;
  }
}

/**
 * Looks who is ahead. While etcd does not answer, our entry still stands there, as long as
 * the session does: who has waited for long does not give up a place for that.
 */
async function lookAgain(place: Place, { lookback }: Rule, signal: AbortSignal): Promise<View> {
  for (;;) {
    try {
      return await place.look(lookback, { signal });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || signal.aborted || place.loss) throw error;
      const { clock } = place.queue.session.options;
      await sleep(clock, pauseMs, signal);
    }
  }
}

function entry({ session }: Queue, { reason }: ContendOptions): Uint8Array {
  const { identity, clock } = session.options;
  return entryValue(identity, clock.wallTime(), reason);
}

/** Leaves the queue. If etcd does not answer soon, that goes on without us. */
function leave(place: Place): Promise<Others | undefined> {
  return within(place.queue.session.options.clock, leaveMs, place.leave());
}

function lostPlace(place: Place): Error {
  const { reason = "deleted", cause } = place.loss ?? {};
  if (reason === "closed") return new ClosedError();
  return new PlaceLostError(place.queue.name, reason, { cause });
}
