import type { LossReason } from "../errors.ts";
import type { Compare } from "../etcd/api.ts";
import { EntryLostError } from "./entry-lost-error.ts";
import { bytesOf } from "./keys.ts";
import { look } from "./look.ts";
import { Losses } from "./losses.ts";
import type { Mode } from "./mode.ts";
import type { Queue } from "./queue.ts";
import {
  entriesOf,
  type OwnEntries,
  ours,
  read,
  releaseStep,
  type Spot,
} from "./queue-requests.ts";
import type { Rule } from "./rule.ts";
import type { Loss, Session } from "./session.ts";
import type { Step, StepResult, Waiting } from "./transactor.ts";

/** Entries that somebody else made, and left to us. */
export interface KnownEntries {
  readonly keys: readonly string[];
  readonly createRevision: bigint;
}

/**
 * Our entries in one queue or several, from before they join until after they have left: a
 * contender at first, a holder once its turn has come in all of them.
 */
export class Place {
  readonly queues: readonly Queue[];
  readonly rule: Rule;
  readonly keys: readonly string[];
  readonly session: Session;
  readonly #spots: readonly Spot[];
  readonly #losses: Losses;
  #createRevision: bigint;
  #mode: Mode;
  #value: Uint8Array = new Uint8Array();
  /** Whether etcd may know of it. */
  #mayStand = false;
  #putting: Promise<unknown> | undefined;
  #leaving = false;
  /** The entries of which we missed what happened to them. */
  readonly #unseen = new Set<number>();
  #isRechecking = false;
  /** How many holds stand on it: one, and one more for each that joined in. */
  #shares = 0;

  /** A place that nobody stands in yet; or, with `known`, one that somebody else left to us. */
  constructor(session: Session, queues: readonly Queue[], rule: Rule, known?: KnownEntries) {
    this.session = session;
    this.queues = queues;
    this.rule = rule;
    this.#mode = rule.mode;
    this.keys = known?.keys ?? queues.map(({ prefix }) => session.nextEntryKey(prefix, rule.mode));
    this.#createRevision = known?.createRevision ?? 0n;
    this.#spots = queues.map(({ prefix, range }, index) => ({
      key: bytesOf(this.#key(index)),
      prefix,
      range,
    }));
    for (const [index, queue] of queues.entries()) queue.add(this.#key(index), this);
    this.#losses = new Losses(session, this, known !== undefined);
  }

  /** Orders the places of a queue, and is the fencing token of whoever holds here. */
  get createRevision(): bigint {
    return this.#createRevision;
  }

  /** What its entries say. */
  get value(): Uint8Array {
    return this.#value;
  }

  /** What it is held as. */
  get mode(): Mode {
    return this.#mode;
  }

  /** Our entries, as requests name them. */
  get own(): OwnEntries {
    const { lease } = this.session;
    return { spots: this.#spots, createRevision: this.#createRevision, lease };
  }

  /** What holds in etcd for as long as this place is ours. */
  get guard(): readonly Compare[] {
    return ours(this.own);
  }

  /** Whether we have begun to leave it: what happens to its entries is our own doing. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Why the place is lost, or undefined while it is not. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    return this.#losses.loss;
  }

  /** Calls `listener` when the place is lost. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    return this.#losses.onLoss(listener);
  }

  /** Carries out a step that puts our entries, or moves them to our lease. */
  put(step: Step, value: Uint8Array, waiting: Waiting = {}): Promise<StepResult> {
    this.#value = value;
    const putting = this.session.commit(step, waiting, () => {
      this.#mayStand = true;
    });
    this.#putting = putting.catch(() => {});
    return putting;
  }

  /** Our entries stand there since that revision. */
  standsSince(createRevision: bigint): void {
    this.#mayStand = true;
    this.#createRevision = createRevision;
    // What became of it may have been told before that.
    const revocation = this.session.revocations.pending(createRevision);
    if (revocation) this.#losses.revoke(revocation);
  }

  /** Whether etcd may know of our entries, once nothing is under way that puts them. */
  async mayStand(): Promise<boolean> {
    await this.#putting;
    return this.#mayStand;
  }

  /** Etcd knows nothing of our entries, and will not hear of them by what was sent. */
  standsNowhere(): void {
    this.#mayStand = false;
  }

  /**
   * Asks etcd whether the place is still ours.
   *
   * @throws {EntryLostError} when it is not.
   */
  async verify(waiting: Waiting = {}): Promise<void> {
    if (this.#createRevision > 0n && !this.#leaving) await look(this, waiting);
  }

  /**
   * Nobody saw what happened to one of our entries until now: finds out whether it is still there.
   * Many of those are asked for at once.
   */
  async recheck(key: string): Promise<void> {
    this.#unseen.add(this.keys.indexOf(key));
    if (this.#isRechecking) return;
    this.#isRechecking = true;
    try {
      while (this.#unseen.size > 0 && this.#createRevision > 0n && !this.#leaving) {
        const indices = [...this.#unseen];
        this.#unseen.clear();
        await look(this, {}, indices);
      }
    } catch {
      // Whoever gets no answer will be told by the deadline of the lease.
    } finally {
      this.#isRechecking = false;
    }
  }

  /**
   * Writes a new value into the entry, which keeps its place.
   *
   * @throws {EntryLostError} when the place is not ours any more.
   */
  async rewrite(value: Uint8Array, waiting: Waiting = {}): Promise<bigint> {
    const { key } = this.#spot(0);
    const { lease } = this.session;
    const { succeeded, responses, revision } = await this.session.commit(
      {
        compare: this.guard,
        success: [{ op: "put", request: { key, value, lease } }],
        otherwise: [read(this.#spot(0))],
      },
      waiting,
    );
    if (!succeeded && this.#leaving) throw new EntryLostError("released");
    if (!succeeded) throw this.missing(entriesOf(responses[0]).length > 0);
    this.#value = value;
    return revision;
  }

  /** What somebody left to us is ours since `revision`. */
  tookOn(revision: bigint): void {
    this.#losses.tookOn(revision);
  }

  /** From now on it is a reader's, to whoever is behind it in this process as well. */
  becameReader(revision: bigint): void {
    this.#mode = { kind: "read" };
    this.queues[0]?.yielded(this.#key(0), revision);
  }

  /** One more hold stands on it. */
  share(): void {
    this.#shares += 1;
  }

  /** One hold less stands on it. Returns whether that was the last one. */
  unshare(): boolean {
    this.#shares -= 1;
    return this.#shares <= 0;
  }

  /**
   * Takes away what is left of a place that was lost, while the session lives: nobody is to wait
   * for it. Nobody waits for this.
   */
  withdraw(): void {
    this.#losses.forgetGrace();
    if (!this.session.loss) void this.session.see(releaseStep(this.own, () => false));
  }

  /** One hold less stands on a place that was lost; with the last one, what is left of it goes. */
  abandon(): void {
    if (this.unshare()) this.withdraw();
  }

  /** From now on it is nobody's here. */
  startDetaching(): void {
    this.startLeaving();
    this.#losses.end({ reason: "detached" });
  }

  /** Whether somebody in this process waits for our entry in one of the queues to go. */
  isAwaited(index: number): boolean {
    return this.queues[index]?.isAwaited(this.#key(index)) ?? false;
  }

  /** From now on what happens to its entries is our own doing. */
  startLeaving(): void {
    this.#leaving = true;
  }

  /** Ends a place that etcd knows nothing of, or that is not ours to leave. */
  forget(): void {
    this.#leaving = true;
    this.#close();
  }

  /** The watch saw one of our keys go. */
  wasRemoved(): void {
    this.#losses.wasRemoved();
  }

  /** The watch saw one of our keys put, by ourselves or by somebody else. */
  wasPut(lease: bigint, revision: bigint): void {
    this.#losses.wasPut(lease, revision);
  }

  /** It is lost, as `Losses` found out. */
  lost({ reason }: Loss): void {
    const hadNoTime = reason === "expired" || reason === "stalled";
    if (this.#shares > 0 && hadNoTime) this.session.noteUnreleased();
    this.#close();
  }

  /** An entry is not there any more, or not ours. */
  missing(overwritten: boolean): EntryLostError {
    const reason: LossReason = overwritten ? "overwritten" : "deleted";
    this.#losses.end(this.session.loss ?? { reason });
    return new EntryLostError(reason);
  }

  #key(index: number): string {
    const key = this.keys[index];
    if (key === undefined) throw new RangeError(`There is no entry ${index}`);
    return key;
  }

  #spot(index: number): Spot {
    const spot = this.#spots[index];
    if (!spot) throw new RangeError(`There is no entry ${index}`);
    return spot;
  }

  #close(): void {
    this.#losses.close();
    for (const [index, queue] of this.queues.entries()) queue.remove(this.#key(index));
  }
}
