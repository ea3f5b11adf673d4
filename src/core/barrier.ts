import { InvalidOptionError, LockLostError } from "../errors.ts";
import { followSignals } from "../signals.ts";
import { contend } from "./contend.ts";
import { type Entry, entryValue, stateOf } from "./entry.ts";
import { leaveInTime, release } from "./leave.ts";
import { checkSignalOnly } from "./options.ts";
import type { Place } from "./place.ts";
import { untilQueue } from "./queue-view.ts";
import { barrierRule } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/** What `enter` and `leave` take. */
export interface BarrierOptions {
  /** Gives up when it aborts: whoever gave up is not counted any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A double barrier: so many parties begin together, and end together. An object is one party;
 * it may enter again once it has left.
 *
 * ```ts
 * const barrier = locks.barrier("import/phase-2", 3);
 * await barrier.enter(); // until three have come
 * await load(part);
 * await barrier.leave(); // until all three have done so
 * ```
 *
 * A party whose process dies is not counted any more: those who wait for it to come go on waiting,
 * for another one; those who wait for it to leave do not wait for it. All parties have to go by the
 * same number: one that goes by another is told (`DISAGREEMENT`).
 */
export class Barrier {
  /** The name of the barrier. */
  readonly name: string;
  /** How many have to come. */
  readonly parties: number;
  readonly #sessions: Sessions;
  #entering = false;
  #inside: { readonly place: Place; readonly last: bigint } | undefined;

  /** @internal */
  constructor(sessions: Sessions, name: string, parties: number) {
    this.#sessions = sessions;
    this.name = name;
    this.parties = parties;
  }

  /**
   * Comes, and waits until all have come.
   *
   * @throws {PlaceLostError} or {LockLostError} when our session is lost meanwhile.
   * @throws {DisagreementError} when others go by another number.
   * @throws {InvalidOptionError} when this party has entered, and not left.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws the reason of `signal`, when that aborts.
   */
  async enter(options: BarrierOptions = {}): Promise<void> {
    checkSignalOnly(options);
    if (this.#entering || this.#inside) {
      throw new InvalidOptionError("barrier", "left before it is entered again", this);
    }
    this.#entering = true;
    try {
      await this.#enter(options);
    } finally {
      this.#entering = false;
    }
  }

  /**
   * Waits until all who entered with us want to leave, and leaves.
   *
   * @throws {LockLostError} when our session was lost meanwhile: the others may have gone.
   * @throws {InvalidOptionError} when this party has not entered.
   * @throws the reason of `signal`, when that aborts. We have left then, alone.
   */
  async leave(options: BarrierOptions = {}): Promise<void> {
    checkSignalOnly(options);
    const inside = this.#inside;
    if (!inside) throw new InvalidOptionError("barrier", "entered before it is left", this);
    this.#inside = undefined;
    const { place, last } = inside;
    try {
      await this.#mark(place, "leaving");
      const haveLeft = (entries: readonly Entry[]): boolean => allLeave(entries, last);
      await this.#until(place, haveLeft, options);
      await release(place);
    } catch (error) {
      await leaveInTime(place);
      throw this.#lostBy(place) ?? error;
    }
  }

  async #enter(options: BarrierOptions): Promise<void> {
    const { clock, identity } = this.#sessions.options;
    const queues = await this.#sessions.queues([this.name], options.signal);
    const rule = barrierRule(this.parties);
    const value = entryValue(identity, clock.wallTime());
    const place = await contend({ queues, rule, value }, options);
    place.share();
    try {
      const [key = ""] = place.keys;
      const isOpen = (entries: readonly Entry[]): boolean => mayEnter(entries, key, this.parties);
      const entries = await this.#until(place, isOpen, options);
      await this.#mark(place, "inside");
      this.#inside = { place, last: lastOf(entries, place.createRevision, this.parties) };
    } catch (error) {
      await leaveInTime(place);
      throw this.#lostBy(place) ?? error;
    }
  }

  async #mark(place: Place, state: string): Promise<void> {
    const { clock, identity } = this.#sessions.options;
    await place.rewrite(entryValue(identity, clock.wallTime(), { state }));
  }

  /** Waits for the queue to be as it should, for as long as we stand in it ourselves. */
  async #until(
    place: Place,
    isReached: (entries: readonly Entry[]) => boolean,
    { signal }: BarrierOptions,
  ): Promise<readonly Entry[]> {
    const lost = new AbortController();
    const stopListening = place.onLoss(() => lost.abort());
    const waiting = followSignals(signal, lost.signal);
    place.queues[0]?.keepWatch();
    try {
      if (place.loss) lost.abort();
      const { prefix = "" } = place.queues[0] ?? {};
      return await untilQueue(this.#sessions, prefix, isReached, waiting.signal);
    } finally {
      stopListening();
      waiting.unfollow();
    }
  }

  #lostBy({ loss }: Place): LockLostError | undefined {
    return loss && new LockLostError(this.name, loss.reason, { cause: loss.cause });
  }
}

/**
 * Whether a party may go in: it is one of the first, and all of those have come, or one of them is
 * in already. Whoever comes later than those waits until they have left.
 */
export function mayEnter(entries: readonly Entry[], key: string, parties: number): boolean {
  const present = entries.filter(({ mode }) => mode.kind === "barrier");
  const staying = present.filter(({ kv }) => stateOf(kv) !== "leaving");
  const index = present.findIndex((entry) => entry.key === key);
  if (index < 0 || index >= parties) return false;
  return staying.length >= parties || staying.some(({ kv }) => stateOf(kv) === "inside");
}

/** The last one of those that go in together, by its revision. */
export function lastOf(entries: readonly Entry[], own: bigint, parties: number): bigint {
  const present = entries.filter(({ mode }) => mode.kind === "barrier");
  const { createRevision = own } = present[Math.min(parties, present.length) - 1] ?? {};
  return createRevision > own ? createRevision : own;
}

/** Whether all who went in together want to leave, or have. */
export function allLeave(entries: readonly Entry[], last: bigint): boolean {
  return entries.every(
    ({ mode, createRevision, kv }) =>
      mode.kind !== "barrier" || createRevision > last || stateOf(kv) === "leaving",
  );
}
