import { type Clock, sleep } from "../clock.ts";
import { type Holder, InvalidOptionError } from "../errors.ts";
import { attempt } from "./contend.ts";
import { entryValue, holderOf } from "./entry.ts";
import { Hold } from "./hold.ts";
import { KeptEntries } from "./kept-entries.ts";
import { queuePrefix } from "./keys.ts";
import type { Work } from "./lock.ts";
import { checkFunction, checkKnown, checkSignal, checkSpan, checkText } from "./options.ts";
import { Place } from "./place.ts";
import { readFirst } from "./queue-view.ts";
import { exclusiveRule } from "./rule.ts";
import { runWith } from "./run.ts";
import type { Sessions } from "./sessions.ts";

/** What `once` takes: `everyMs` or `untilMs`, to tell one tick from the next. */
export interface OnceOptions {
  /**
   * How often the ticks come, in milliseconds. Whoever comes within half of that after the first
   * one came comes for the same tick: so the clocks of replicas may differ by just under half of it.
   */
  readonly everyMs?: number | undefined;
  /** Until when, by this process's time of day in milliseconds since 1970, whoever comes comes for the same tick. */
  readonly untilMs?: number | undefined;
  /**
   * How long nobody else gets in after the work has ended, in milliseconds, however long it took.
   * ShedLock's lockAtLeastFor counts from the beginning: that is what half of `everyMs`, or `untilMs`,
   * are here. With too long a time the next tick is left out. If etcd can't note it then, because it
   * is full or does not answer, `once` goes on holding for so long, and resolves after that.
   *
   * @default 0, beyond what `everyMs` or `untilMs` say
   */
  readonly minHoldMs?: number | undefined;
  /** What it is done for: at most 4,096 bytes. People who look at the queue see it. */
  readonly reason?: string | undefined;
  /** Gives up when it aborts, unless the work has begun. */
  readonly signal?: AbortSignal | undefined;
}

/** Whether the work was done here, and what it returned; or who does it, or has done it. */
export type OnceOutcome<T> =
  | { readonly ran: true; readonly result: T }
  | { readonly ran: false; readonly holder: Holder | undefined };

/**
 * Does `work` if nobody else does, or has done, for this tick.
 *
 * Whoever comes first puts two entries into the queue, in one transaction: its hold, which ends
 * with the work, and one on a lease of its own, which nobody renews: it stands there until the
 * tick is over, whatever becomes of this process.
 */
export async function once<T>(
  sessions: Sessions,
  name: string,
  options: OnceOptions,
  work: Work<T>,
): Promise<OnceOutcome<T>> {
  check(options);
  checkFunction("work", work);
  const { signal, reason, minHoldMs = 0 } = options;
  const { namespace, clock, identity } = sessions.options;
  const prefix = queuePrefix(namespace, name);

  // All but one come in vain: that costs them one look.
  const first = await readFirst(sessions, prefix, { signal });
  if (first) return { ran: false, holder: holderOf(first) };

  const windowMs = windowOf(options, clock.wallTime());
  const value = entryValue(identity, clock.wallTime(), { reason });
  const until = clock.now() + windowMs;
  const keptMs = Math.max(windowMs, minHoldMs, 1);
  const session = await sessions.session(signal);
  const key = session.nextEntryKey(prefix, { kind: "kept" });
  const kept = new KeptEntries(sessions, [key], value);
  await kept.grant(keptMs, { signal });
  let outcome: Awaited<ReturnType<typeof attempt>>;
  try {
    const queues = await sessions.queues([name], signal);
    const along = kept.puts;
    outcome = await attempt({ queues, rule: exclusiveRule, value, along }, { signal });
  } catch (error) {
    // Whoever asks again is not to find it, and take it that the work has been done.
    await kept.end();
    throw error;
  }
  if (!(outcome instanceof Place)) {
    void kept.end();
    return { ran: false, holder: outcome.holder };
  }
  const running = runWith(new Hold(outcome), async (hold) => {
    try {
      return await work(hold);
    } finally {
      const endsAt = Math.max(until, clock.now() + minHoldMs);
      if (minHoldMs > 0 && endsAt > until) {
        await kept.renew(hold, minHoldMs).catch(() => holdOut(clock, hold, endsAt));
      }
      kept.endAt(endsAt);
    }
  });
  return { ran: true, result: await sessions.track(running) };
}

/** Keeps others out by the hold itself. If it is lost, the release, which comes next, says so. */
async function holdOut(clock: Clock, { signal }: Hold, endsAt: number): Promise<void> {
  await sleep(clock, endsAt - clock.now(), signal).catch(() => {});
}

/** How long from now on everybody comes for the same tick. */
function windowOf({ everyMs, untilMs }: OnceOptions, wallTime: number): number {
  if (everyMs !== undefined) return everyMs / 2;
  return Math.max(0, (untilMs ?? wallTime) - wallTime);
}

function check(options: OnceOptions): void {
  checkKnown(options, ["everyMs", "untilMs", "minHoldMs", "reason", "signal"]);
  const { everyMs, untilMs, minHoldMs, reason, signal } = options;
  checkSpan("everyMs", everyMs);
  checkSpan("minHoldMs", minHoldMs, 0);
  checkSpan("untilMs", untilMs, 0);
  if ((everyMs === undefined) === (untilMs === undefined)) {
    throw new InvalidOptionError("options", "given either everyMs or untilMs", options);
  }
  checkText("reason", reason);
  checkSignal(signal);
}
