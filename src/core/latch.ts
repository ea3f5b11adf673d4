import { DisagreementError } from "../errors.ts";
import type { RequestOp } from "../etcd/api.ts";
import { type Entry, entryOf, entryValue } from "./entry.ts";
import { bytesOf, prefixRange, queuePrefix } from "./keys.ts";
import { infixOf, type Mode } from "./mode.ts";
import { checkKnown, checkSignalOnly, checkSpan, checkWaiting } from "./options.ts";
import { allIn, entriesOf } from "./queue-requests.ts";
import { readQueue, untilQueue } from "./queue-view.ts";
import type { Waiting } from "./requester.ts";
import { SessionGoneError } from "./session-gone-error.ts";
import type { Sessions } from "./sessions.ts";
import { endLease, grantLease, revokeLease } from "./unrenewed-lease.ts";

/** What `latch` takes. */
export interface LatchOptions {
  /**
   * How long a count stands, in milliseconds, whatever becomes of the process that counted. Etcd
   * forgets it then, as `reset` does.
   *
   * @default 86_400_000, a day
   */
  readonly keepMs?: number | undefined;
}

/**
 * A latch that opens once it was counted down so many times, and stays open: for those who have
 * to wait until others are ready, or done.
 *
 * ```ts
 * const migrated = locks.latch("migrated/v42", 3);
 * await migrated.countDown(); // in each of three shards, when it is done
 * await migrated.wait(); // wherever that matters
 * ```
 *
 * A count outlives the process that counted, for `keepMs`: a latch is for something that
 * happens once, so give the next occasion another name, or `reset` it when nobody uses it. All
 * have to go by the same number: one that goes by another is told (`DISAGREEMENT`).
 */
export class Latch {
  /** The name of the latch. */
  readonly name: string;
  /** How many times it has to be counted down. */
  readonly total: number;
  readonly #sessions: Sessions;
  readonly #keepMs: number;

  /** @internal */
  constructor(sessions: Sessions, name: string, total: number, options: LatchOptions = {}) {
    checkKnown(options, ["keepMs"]);
    checkSpan("keepMs", options.keepMs);
    this.#sessions = sessions;
    this.name = name;
    this.total = total;
    this.#keepMs = options.keepMs ?? 86_400_000;
  }

  /**
   * Counts one down. Resolves with how many are left. On an open latch it does nothing.
   *
   * @throws {DisagreementError} when others go by another number.
   * @throws {StoreUnavailableError} when etcd does not answer in time. It may have been counted.
   * @throws the reason of `signal`, when that aborts. It may have been counted.
   */
  async countDown(waiting: Waiting = {}): Promise<number> {
    if ((await this.count(waiting)) === 0) return 0;
    const { clock, identity } = this.#sessions.options;
    const { id: lease } = await grantLease(this.#sessions, this.#keepMs, waiting);
    const key = bytesOf(`${this.#prefix}${infixOf(this.#mode)}${lease.toString(16)}`);
    const value = entryValue(identity, clock.wallTime());
    let entries: readonly Entry[];
    try {
      entries = await this.#put({ op: "put", request: { key, value, lease } }, waiting);
    } catch (error) {
      // Whoever is told that there was no answer would count again, and open it with one too few.
      await endLease(this.#sessions, lease);
      throw error;
    }
    return this.#left(entries);
  }

  /**
   * How many are left to be counted down; 0 if it is open.
   *
   * @throws {DisagreementError} when others go by another number.
   * @throws {StoreUnavailableError} when etcd does not answer in time.
   */
  async count(waiting: Waiting = {}): Promise<number> {
    checkWaiting(waiting);
    return this.#left(await readQueue(this.#sessions, this.#prefix, waiting));
  }

  /**
   * Waits until it is open.
   *
   * @throws {DisagreementError} when others go by another number.
   * @throws {StoreUnavailableError} when etcd does not answer at first. Later it waits for etcd, too.
   * @throws {ClosedError} when the client is closed first.
   * @throws the reason of `signal`, when that aborts.
   */
  async wait(options: Pick<Waiting, "signal"> = {}): Promise<void> {
    checkSignalOnly(options);
    if ((await this.count(options)) === 0) return;
    // Who counts by another number would never open it for us.
    const isDecided = (entries: readonly Entry[]): boolean =>
      countOf(entries, this.#mode) >= this.total || this.#rival(entries) !== undefined;
    this.#left(await untilQueue(this.#sessions, this.#prefix, isDecided, options.signal));
  }

  /**
   * Forgets all that was counted: it is closed, and may be given another number. Nobody should
   * count at the same time.
   *
   * @throws {StoreUnavailableError} when etcd does not answer in time. It may have been forgotten in part.
   */
  async reset(waiting: Waiting = {}): Promise<void> {
    checkWaiting(waiting);
    const entries = await readQueue(this.#sessions, this.#prefix, waiting);
    const counts = entries.filter(({ mode }) => mode.kind === "latch");
    // Each has a lease of its own.
    await Promise.all(counts.map(({ kv }) => revokeLease(this.#sessions, kv.lease, waiting)));
  }

  /**
   * Puts a count, and reads all of them along with that. A session that is lost meanwhile has nothing
   * to do with it: the same is put by the next one.
   */
  async #put(put: RequestOp, waiting: Waiting): Promise<readonly Entry[]> {
    const success = [put, allIn(prefixRange(this.#prefix))];
    for (;;) {
      const session = await this.#sessions.session(waiting.signal);
      try {
        const { responses } = await session.commit(
          () => ({ compare: [], success, otherwise: [] }),
          waiting,
        );
        return entriesOf(responses[1]).map((kv) => entryOf(this.#prefix, kv));
      } catch (error) {
        if (!(error instanceof SessionGoneError)) throw error;
      }
    }
  }

  get #mode(): Mode & { readonly total: number } {
    return { kind: "latch", total: this.total };
  }

  get #prefix(): string {
    return queuePrefix(this.#sessions.options.namespace, this.name);
  }

  /** Another number that somebody here goes by. */
  #rival(entries: readonly Entry[]): number | undefined {
    for (const { mode } of entries) {
      if (mode.kind === "latch" && mode.total !== this.total) return mode.total;
    }
    return undefined;
  }

  #left(entries: readonly Entry[]): number {
    const found = this.#rival(entries);
    if (found !== undefined) throw new DisagreementError(this.name, this.total, found);
    return Math.max(0, this.total - countOf(entries, this.#mode));
  }
}

function countOf(entries: readonly Entry[], { total }: { readonly total: number }): number {
  return entries.filter(({ mode }) => mode.kind === "latch" && mode.total === total).length;
}
