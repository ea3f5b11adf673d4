import { sleep } from "../clock.ts";
import { ClosedError, PlaceLostError, StoreUnavailableError } from "../errors.ts";
import { followSignals } from "../signals.ts";
import { look } from "./look.ts";
import type { Place } from "./place.ts";
import type { Queue, View } from "./queue.ts";
import { type PositionListener, tellPosition } from "./tell-position.ts";

/** How to wait for turns. */
export interface TurnOptions {
  readonly signal: AbortSignal;
  readonly onWait?: PositionListener | undefined;
  /** Called with the queue that is waited in, by its index. */
  onBlocked(index: number): void;
}

// Before a waiter that got no answer looks again.
const pauseMs = 100;

/**
 * Waits until nobody stands in a place's way any more, in one queue after the other: nobody is
 * overtaken, so a turn that has come in one queue stays while we wait in the next.
 *
 * @throws {PlaceLostError} when the place is lost first.
 * @throws {ClosedError} when the client is closed first.
 * @throws the signal's reason, when that aborts first.
 */
export async function waitForTurns(
  place: Place,
  before: readonly View[],
  options: TurnOptions,
): Promise<void> {
  const views = [...before];
  const indices = [...views.keys()];
  const isBlocked = (index: number): boolean =>
    place.rule.blockers(views[index]?.ahead ?? []).length > 0;
  // What becomes of our entries in the other queues matters as well while we wait in one.
  if (indices.some(isBlocked)) for (const queue of place.queues) queue.keepWatch();

  for (let index = indices.find(isBlocked); index !== undefined; index = indices.find(isBlocked)) {
    options.onBlocked(index);
    const [queue, key] = [place.queues[index] as Queue, place.keys[index] as string];
    const telling = options.onWait && tellPosition(queue, key, options.onWait);
    const waiting = followSignals(options.signal, telling?.failed);
    try {
      while (isBlocked(index)) {
        if (place.loss) throw lostPlace(place);
        const view = views[index] as View;
        const now = await queue.changed(place, key, view, waiting.signal);
        if (now) {
          views[index] = now;
          continue;
        }
        const blocked = indices.filter(isBlocked);
        const seen = await lookAgain(place, blocked, waiting.signal);
        for (const [at, blockedAt] of blocked.entries()) views[blockedAt] = seen[at] as View;
      }
    } finally {
      telling?.stop();
      waiting.unfollow();
    }
  }
  if (place.loss) throw lostPlace(place);
  for (const index of indices) place.queues[index]?.entered(place.keys[index] as string);
}

/**
 * Looks who is ahead. While etcd does not answer, our entry still stands there, as long as
 * the session does: who has waited for long does not give up a place for that.
 */
async function lookAgain(
  place: Place,
  indices: readonly number[],
  signal: AbortSignal,
): Promise<readonly View[]> {
  for (;;) {
    try {
      return await look(place, { signal }, indices);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || signal.aborted || place.loss) throw error;
      await sleep(place.session.options.clock, pauseMs, signal);
    }
  }
}

/** What to tell whoever waited at a place that is lost. */
export function lostPlace(place: Place): Error {
  const { reason = "deleted", cause } = place.loss ?? {};
  if (reason === "closed") return new ClosedError();
  return new PlaceLostError(place.queues.map(({ name }) => name).join(", "), reason, { cause });
}
