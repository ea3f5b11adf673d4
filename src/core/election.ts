import { setImmediate as nextTurn } from "node:timers/promises";
import { sleep } from "../clock.ts";
import { ClosedError, PlaceLostError, StoreUnavailableError } from "../errors.ts";
import { holding } from "./chain.ts";
import { type Entry, withoutCompanions } from "./entry.ts";
import { Feed } from "./feed.ts";
import { Hold } from "./hold.ts";
import { bytesOf, queuePrefix, textOf } from "./keys.ts";
import { type AcquireOptions, Lock } from "./lock.ts";
import { Mirror } from "./mirror.ts";
import {
  checkFunction,
  checkKnown,
  checkSignalOnly,
  checkString,
  checkWaiting,
} from "./options.ts";
import { readFirst, readQueue } from "./queue-view.ts";
import type { Waiting } from "./requester.ts";
import { electionRule } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

// Before it campaigns again when that was in vain.
const pauseMs = 1_000;

/** What `campaign` takes. */
export type CampaignOptions = Omit<AcquireOptions, "reason" | "reentrant">;

/** What `observe` and `lead` take. */
export interface UntilOptions {
  /** Ends it when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Who leads, as etcd has it. */
export interface Leader {
  /** What the leader proclaims. */
  readonly value: string;
  /** The leader's key in etcd. */
  readonly key: string;
  /** Larger than that of every earlier leader: the create revision of `key`. */
  readonly fencingToken: bigint;
  /** The revision at which it proclaimed `value`. */
  readonly revision: bigint;
}

/** A hold of the leadership: a term. */
export class Leadership extends Hold {
  #value: string = textOf(this.place.value);

  /** What we proclaim. */
  get value(): string {
    return this.#value;
  }

  /**
   * Proclaims another value: those who observe the election see it. It goes through only
   * while we lead.
   *
   * @throws {LockLostError} when we do not lead any more. Nothing is written then.
   * @throws {StoreUnavailableError} when etcd does not answer in time. It may have been written.
   */
  async proclaim(value: string, options: Waiting = {}): Promise<void> {
    checkString("value", value);
    await this.rewrite(bytesOf(value), options);
    this.#value = value;
  }

  /** Lets the next candidate lead: the same as `release`. */
  resign(): Promise<void> {
    return this.release();
  }
}

/** Work that is done while we lead. */
export type Term = (leadership: Leadership) => unknown;

/**
 * An election: of all who campaign, one leads at a time, in the order in which they came. Go's
 * `concurrency.Election`, `etcdctl elect` and the Election of the etcd3 package campaign against
 * us on `locks.keyOf(name)`; so does everybody else who stands in that queue.
 *
 * ```ts
 * const election = locks.election("scheduler");
 * await election.lead("web-1", async (leadership) => {
 *   await schedule({ signal: leadership.signal, fence: leadership.fencingToken });
 * });
 * ```
 */
export class Election {
  /** The name of the election. */
  readonly name: string;
  readonly #sessions: Sessions;

  /** @internal */
  constructor(sessions: Sessions, name: string) {
    this.#sessions = sessions;
    this.name = name;
  }

  /**
   * Stands as a candidate with `value`, and waits until it leads. Campaigning twice makes two
   * candidates, of which one leads at a time.
   *
   * ```ts
   * const leadership = await election.campaign("web-1", { signal: AbortSignal.timeout(60_000) });
   * await leadership.proclaim("web-1, warmed up");
   * await leadership.resign();
   * ```
   *
   * @throws {AlreadyLockedError} when `waitMs` is over.
   * @throws {PlaceLostError} when our place in the queue is lost before our turn has come.
   * @throws {WouldDeadlockError} when the same chain of calls leads already.
   * @throws {StoreUnavailableError} when etcd does not answer.
   * @throws {InvalidOptionError} when the value or an option is not what it should be.
   * @throws {ClosedError} when the client is closed.
   * @throws the reason of `signal`, when that aborts.
   */
  async campaign(value: string, options: CampaignOptions = {}): Promise<Leadership> {
    checkString("value", value);
    checkKnown(options, ["waitMs", "signal", "onWait", "lingerMs", "minHoldMs"]);
    return this.#candidacy(value).acquire(options);
  }

  /**
   * Who leads now, or `undefined` if nobody does: one round trip, through consensus.
   *
   * @throws {StoreUnavailableError} when etcd does not answer.
   */
  async leader(options: Waiting = {}): Promise<Leader | undefined> {
    checkWaiting(options);
    const first = await readFirst(this.#sessions, this.#prefix, options);
    if (!first?.isCompanion) return first && leaderOf(first);
    // It may stand beside the leader, or have outlasted it.
    return leaderAmong(await readQueue(this.#sessions, this.#prefix, options));
  }

  /**
   * Who leads, now and whenever that changes, or what the leader proclaims. It leaves out what
   * was over before it could be told, but always comes to the latest leader. Nothing is told
   * while nobody leads. It goes on over reconnections and compactions, and ends when the client
   * is closed.
   *
   * ```ts
   * for await (const { value } of election.observe()) console.log(`${value} leads`);
   * ```
   *
   * @throws the reason of `signal`, when that aborts.
   */
  observe(options: UntilOptions = {}): AsyncIterableIterator<Leader> {
    checkSignalOnly(options);
    let told: Leader | undefined;
    const mirror = new Mirror(this.#sessions, this.#prefix, () => {
      const leader = leaderAmong(withoutCompanions(mirror.entries ?? []));
      if (leader && told?.revision === leader.revision && told.key === leader.key) return;
      told = leader;
      // Only the latest is of interest, and only while it leads.
      feed.skip();
      if (leader) feed.push(leader);
    });
    const feed: Feed<Leader> = new Feed({
      clock: this.#sessions.options.clock,
      signal: options.signal,
      closed: this.#sessions.closed,
      onEnd: () => mirror.close(),
    });
    return feed;
  }

  /**
   * Campaigns, and does `work` each time we lead, until `signal` aborts. After each term, however
   * it ended, it resigns and campaigns again; a term begins only once the work of the one before
   * has ended. `leadership.signal` aborts when the leadership is lost, and when `signal` aborts.
   *
   * Resolves once `signal` has aborted, or the client is closed, and the work has ended. What
   * the work throws after `leadership.signal` has aborted does not matter. While etcd does not
   * answer, it goes on asking.
   *
   * @throws what the work throws while we lead, after resigning.
   * @throws {StoreDeniedError} and the like, when etcd refuses.
   */
  lead(value: string, work: Term): Promise<void>;
  /** The same, with options. */
  lead(value: string, options: UntilOptions | undefined, work: Term): Promise<void>;
  async lead(
    value: string,
    ...args: [work: Term] | [options: UntilOptions | undefined, work: Term]
  ): Promise<void> {
    const [options = {}, work] = args.length === 1 ? [{}, args[0]] : args;
    checkString("value", value);
    checkSignalOnly(options);
    checkFunction("work", work);
    const { signal } = options;
    if (this.#sessions.closed.aborted) throw new ClosedError();
    const candidacy = this.#candidacy(value, signal);
    while (!signal?.aborted) {
      const leadership = await this.#nextTerm(candidacy, signal);
      if (leadership) {
        await this.#sessions.track(serve(leadership, work));
        // Work that ends at once must not keep this process from all else, such as `signal`.
        await nextTurn();
      } else if (this.#sessions.closed.aborted) return;
    }
  }

  /** Campaigns. Resolves with nothing if that was in vain, and it is worth asking again, or not any more. */
  async #nextTerm(
    candidacy: Lock<Leadership>,
    signal: AbortSignal | undefined,
  ): Promise<Leadership | undefined> {
    const { clock } = this.#sessions.options;
    try {
      return await candidacy.acquire({ signal });
    } catch (error) {
      if (signal?.aborted || error instanceof ClosedError) return undefined;
      if (!(error instanceof PlaceLostError || error instanceof StoreUnavailableError)) throw error;
      await sleep(clock, pauseMs, signal).catch(() => {});
      return undefined;
    }
  }

  #candidacy(value: string, stop?: AbortSignal | undefined): Lock<Leadership> {
    return new Lock<Leadership>(this.#sessions, {
      names: [this.name],
      value: bytesOf(value),
      rule: () => electionRule,
      hold: (place) => new Leadership(place, stop),
    });
  }

  get #prefix(): string {
    return queuePrefix(this.#sessions.options.namespace, this.name);
  }
}

/** Serves one term, and resigns. */
async function serve(leadership: Leadership, work: Term): Promise<void> {
  try {
    await holding(leadership, () => work(leadership));
  } catch (error) {
    // What was thrown because the term is over, or is to end, does not matter.
    if (!leadership.signal.aborted) throw error;
  } finally {
    // A term that was lost is over already. One that cannot be ended now ends in the background.
    await leadership.resign().catch(() => {});
  }
}

/** Who leads, in a queue without the companions of those that stand there themselves. */
function leaderAmong([first]: readonly Entry[]): Leader | undefined {
  // What has outlasted a leader keeps the next one from leading, and leads nobody.
  return first && !first.isCompanion ? leaderOf(first) : undefined;
}

function leaderOf({ key, createRevision, kv }: Entry): Leader {
  return {
    value: textOf(kv.value),
    key,
    fencingToken: createRevision,
    revision: kv.modRevision,
  };
}
