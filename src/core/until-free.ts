import { AlreadyLockedError } from "../errors.ts";
import { followSignals } from "../signals.ts";
import { type Entry, holderOf, withoutCompanions } from "./entry.ts";
import { queuePrefix } from "./keys.ts";
import { checkDuration, checkKnown, checkSignal } from "./options.ts";
import { readQueue, untilQueue } from "./queue-view.ts";
import type { Sessions } from "./sessions.ts";

/** What `untilFree` takes. */
export interface UntilFreeOptions {
  /** How long to wait, in milliseconds; 0 only looks. @default for ever */
  readonly waitMs?: number | undefined;
  /** Gives up when it aborts, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Waits until nobody stands in the queue of a lock, and does not stand there itself. */
export async function untilFree(
  sessions: Sessions,
  name: string,
  options: UntilFreeOptions = {},
): Promise<void> {
  checkKnown(options, ["waitMs", "signal"]);
  checkDuration("waitMs", options.waitMs);
  checkSignal(options.signal);
  const { waitMs = Number.POSITIVE_INFINITY, signal } = options;
  const prefix = queuePrefix(sessions.options.namespace, name);

  let entries = await readQueue(sessions, prefix, { signal });
  const isFree = (now: readonly Entry[]): boolean => {
    entries = now;
    return now.length === 0;
  };
  if (isFree(entries)) return;
  if (waitMs === 0) throw takenBy(name, entries);
  const time = new AbortController();
  const waiting = followSignals(signal, time.signal);
  const stopTimer = sessions.options.clock.setTimer(waitMs, () => time.abort());
  try {
    await untilQueue(sessions, prefix, isFree, waiting.signal);
  } catch (error) {
    if (!time.signal.aborted || signal?.aborted) throw error;
    throw takenBy(name, entries);
  } finally {
    stopTimer();
    waiting.unfollow();
  }
}

function takenBy(name: string, entries: readonly Entry[]): AlreadyLockedError {
  const [first, ...others] = withoutCompanions(entries);
  return new AlreadyLockedError(name, {
    holder: first && holderOf(first),
    waiters: others.length,
  });
}
