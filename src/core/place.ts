import { type Holder, type LossReason, StoreError } from "../errors.ts";
import type { Compare, ResponseOp } from "../etcd/api.ts";
import { holderOf } from "./entry.ts";
import { bytesOf } from "./keys.ts";
import type { Queue, View } from "./queue.ts";
import {
  ahead,
  countOf,
  entriesOf,
  joinStep,
  leaveStep,
  type OwnEntry,
  ours,
  releaseStep,
  tryStep,
} from "./queue-requests.ts";
import type { Loss } from "./session.ts";
import { throughConsensus } from "./through-consensus.ts";
import type { Step, StepResult, Waiting } from "./transactor.ts";

/** Who stands in a queue that we are not in. */
export interface Others {
  readonly holder: Holder | undefined;
  readonly waiters: number;
}

/** An entry of ours is not there any more, or not ours. */
export class EntryLostError extends Error {
  override name = "EntryLostError";
}

/**
 * One entry of ours in a queue, from before it joins until after it has left: a contender
 * at first, a holder once its turn has come.
 */
export class Place {
  readonly queue: Queue;
  readonly key: string;
  readonly #bytes: Uint8Array;
  readonly #listeners = new Set<(loss: Loss) => void>();
  readonly #stopListening: () => void;
  #createRevision = 0n;
  /** Whether etcd may know of it. */
  #mayStand = false;
  #joining: Promise<void> | undefined;
  #loss: Loss | undefined;
  #removed = false;
  #leaving = false;

  constructor(queue: Queue) {
    this.queue = queue;
    this.key = queue.session.nextEntryKey(queue.prefix);
    this.#bytes = bytesOf(this.key);
    this.#stopListening = queue.session.onLoss((loss) => this.#end(loss));
  }

  /** Orders the places of a queue, and is the fencing token of whoever holds here. */
  get createRevision(): bigint {
    return this.#createRevision;
  }

  /** What holds in etcd for as long as this place is ours. */
  get guard(): readonly Compare[] {
    return ours(this.#entry);
  }

  /** Whether we have begun to leave it. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Why the place is lost, or undefined while it is not. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    const sessionLoss = this.queue.session.loss;
    if (sessionLoss) this.#end(sessionLoss);
    else if (this.#removed) this.#end({ reason: "deleted" });
    return this.#loss;
  }

  /** Calls `listener` when the place is lost. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Joins the queue at its end, and looks at who is ahead. */
  join(value: Uint8Array, lookback: number, waiting: Waiting): Promise<View> {
    const joining = this.#join(value, lookback, waiting);
    this.#joining = joining.then(
      () => {},
      () => {},
    );
    return joining;
  }

  async #join(value: Uint8Array, lookback: number, waiting: Waiting): Promise<View> {
    const { range } = this.queue;
    const step = joinStep(this.#entry, value, range, lookback);
    const { succeeded, responses, revision } = await this.#tryTo(step, waiting);
    if (succeeded) {
      this.#createRevision = revision;
      return {
        revision,
        ahead: entriesOf(responses[1]).filter((kv) => kv.createRevision < revision),
      };
    }
    // An earlier attempt was carried out, and its answer got lost.
    this.#createRevision = entriesOf(responses[0])[0]?.createRevision ?? 0n;
    return this.look(lookback, waiting);
  }

  /** Joins the queue only if nobody stands in it. Resolves with who does, if somebody does. */
  async tryJoin(value: Uint8Array, waiting: Waiting): Promise<Others | undefined> {
    const { range } = this.queue;
    const result = await this.#tryTo(tryStep(this.#entry, value, range), waiting);
    if (result.succeeded) {
      this.#createRevision = result.revision;
      return undefined;
    }
    const [holder] = entriesOf(result.responses[0]);
    const others = othersOf(result.responses[0]);
    if (holder && others.holder?.key === this.key) {
      // An earlier attempt was carried out, and its answer got lost.
      this.#createRevision = holder.createRevision;
      return undefined;
    }
    return others;
  }

  /** Looks at who is ahead, and makes sure that we still stand here ourselves. */
  async look(lookback: number, waiting: Waiting): Promise<View> {
    const { succeeded, responses, header } = await this.queue.session.ask(
      {
        compare: this.guard,
        success: [ahead(this.queue.range, this.#createRevision, lookback)],
        failure: [{ op: "range", request: { key: this.#bytes } }, throughConsensus(this.#bytes)],
      },
      waiting,
    );
    if (succeeded) return { revision: header.revision, ahead: entriesOf(responses[0]) };
    // Of one that we are leaving, only the answer to that can tell who took it away.
    if (this.#leaving) throw new EntryLostError("released");
    throw this.#missing(entriesOf(responses[0]).length > 0);
  }

  /**
   * Asks etcd whether the place is still ours.
   *
   * @throws {EntryLostError} when it is not.
   */
  async verify(waiting: Waiting = {}): Promise<void> {
    if (this.#createRevision > 0n && !this.#leaving) await this.look(1, waiting);
  }

  /**
   * Leaves, as a holder, and tells whoever is next in this process. Resolves only if the
   * place was ours until then.
   *
   * @throws {EntryLostError} when it was not.
   */
  async release(): Promise<void> {
    const { session, range } = this.queue;
    const step = releaseStep(this.#entry, range);
    this.#leaving = true;
    try {
      const { succeeded, responses, revision, repeated } = await session.commit(step);
      if (succeeded) {
        this.queue.handOver(entriesOf(responses[1])[0], revision);
        return;
      }
      const overwritten = entriesOf(responses[0]).length > 0;
      // An earlier attempt whose answer got lost did it: nothing else is known to have
      // removed the entry, and the session, which a lost lease would have ended, is alive.
      if (!repeated || overwritten || this.loss) throw this.#missing(overwritten);
    } catch (error) {
      // Somebody waits for this entry to go, even if nobody waits for this call any more.
      if (error instanceof StoreError) void session.see(step);
      throw error;
    } finally {
      this.#close();
    }
  }

  /** Ends a place that never joined, and that etcd therefore knows nothing of. */
  forget(): void {
    this.#leaving = true;
    this.#close();
  }

  /**
   * Leaves, as a contender, whether or not it has joined. Resolves with who is there, if there
   * was something to leave, and etcd answers.
   */
  async leave(): Promise<Others | undefined> {
    const { session, range } = this.queue;
    this.#leaving = true;
    // A join that is still under way could be carried out after we have left.
    await this.#joining;
    if (!this.#mayStand) {
      this.#close();
      return undefined;
    }
    const result = await session.see(leaveStep(this.#entry, range));
    if (result) this.queue.handOver(entriesOf(result.responses[1])[0], result.revision);
    this.#close();
    return result && othersOf(result.responses[1]);
  }

  /** The watch saw our key go. */
  wasRemoved(): void {
    if (this.#leaving || this.#removed) return;
    this.#removed = true;
    // If the lease went, and not just this key, the session hears of it in this moment, and
    // can say so. Nobody is let in by that: `loss` is there as soon as somebody asks.
    this.queue.session.options.clock.setTimer(1, () => this.loss, { keepsProcessAlive: false });
  }

  /** The watch saw our key put, by ourselves or by somebody else. */
  wasPut(lease: bigint): void {
    if (!this.#leaving && lease !== this.queue.session.lease) this.#end({ reason: "overwritten" });
  }

  get #entry(): OwnEntry {
    const { lease } = this.queue.session;
    return { key: this.#bytes, createRevision: this.#createRevision, lease };
  }

  /** Carries out a step that puts our entry. */
  async #tryTo(step: Step, waiting: Waiting): Promise<StepResult> {
    const { session } = this.queue;
    const result = await session.commit(step, waiting, () => {
      this.#mayStand = true;
    });
    this.#mayStand = true;
    return result;
  }

  #missing(overwritten: boolean): EntryLostError {
    const { loss } = this.queue.session;
    const reason: LossReason = overwritten ? "overwritten" : "deleted";
    this.#end(loss ?? { reason });
    return new EntryLostError(reason);
  }

  #end(loss: Loss): void {
    if (this.#loss) return;
    this.#loss = loss;
    for (const listener of [...this.#listeners]) listener(loss);
    this.#listeners.clear();
    this.#close();
  }

  #close(): void {
    this.#stopListening();
    this.queue.remove(this);
  }
}

function othersOf(first: ResponseOp | undefined): Others {
  const [holder] = entriesOf(first);
  return { holder: holder && holderOf(holder), waiters: Math.max(0, countOf(first) - 1) };
}
