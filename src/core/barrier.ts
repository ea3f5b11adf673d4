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
   * @throws {ClosedError} when the client is closed already.
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
   * @throws {StoreUnavailableError} when etcd does not answer. We leave all the same.
   * @throws the reason of `signal`, when that aborts. We have left then, alone.
   */
  async leave(options: BarrierOptions = {}): Promise<void> {
    checkSignalOnly(options);
    const inside = this.#inside;
    if (!inside) throw new InvalidOptionError("barrier", "entered before it is left", this);
    this.#inside = undefined;
    const { place, last } = inside;
    try {
      await this.#mark(place, "leaving", last);
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
      let last: bigint | undefined;
      const isOpen = (entries: readonly Entry[]): boolean => {
        last ??= lastOfRound(entries, key, this.parties);
        return last !== undefined;
      };
      await this.#until(place, isOpen, options);
      await this.#mark(place, "inside", last);
      this.#inside = { place, last: last ?? place.createRevision };
    } catch (error) {
      await leaveInTime(place);
      throw this.#lostBy(place) ?? error;
    }
  }

  /** Says how far we are, and who is counted on: whoever sees that goes by the same. */
  async #mark(place: Place, progress: "inside" | "leaving", last = 0n): Promise<void> {
    const { clock, identity } = this.#sessions.options;
    await place.rewrite(entryValue(identity, clock.wallTime(), { state: `${progress}/${last}` }));
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
 * The last one, by its revision, of those that a party goes in with: all of the first so many have
 * come, or one who is in already counted on it. Undefined as long as it has to wait. Whoever comes
 * later than those waits until they are gone.
 */
export function lastOfRound(
  entries: readonly Entry[],
  key: string,
  parties: number,
): bigint | undefined {
  const present = entries.filter(({ mode }) => mode.kind === "barrier");
  const own = present.find((entry) => entry.key === key);
  if (!own) return undefined;
  for (const { kv } of present) {
    const { last = 0n } = progressOf(kv) ?? {};
    if (last >= own.createRevision) return last;
  }
  const first = present.slice(0, parties);
  const haveCome = first.length === parties && first.every(({ kv }) => !progressOf(kv));
  return haveCome && first.includes(own) ? first.at(-1)?.createRevision : undefined;
}

/**
 * Whether all who went in together want to leave, or have. When one of those died at the door,
 * another one may have counted on somebody who came instead.
 */
export function allLeave(entries: readonly Entry[], last: bigint): boolean {
  let end = last;
  for (const { mode, createRevision, kv } of entries) {
    if (mode.kind !== "barrier" || createRevision > end) continue;
    const progress = progressOf(kv);
    if (!progress?.isLeaving) return false;
    if (progress.last > end) end = progress.last;
  }
  return true;
}

/** How far one is who has gone in, and the last one that it counted on. */
function progressOf(
  kv: Entry["kv"],
): { readonly isLeaving: boolean; readonly last: bigint } | undefined {
  const [, word, last] = /^(inside|leaving)\/(\d{1,19})$/.exec(stateOf(kv) ?? "") ?? [];
  return last === undefined ? undefined : { isLeaving: word === "leaving", last: BigInt(last) };
}
