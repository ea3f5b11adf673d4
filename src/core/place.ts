import type { LossReason } from "../errors.ts";
import type { Compare } from "../etcd/api.ts";
import { Companion, type Lingering } from "./companion.ts";
import { EntryLostError } from "./entry-lost-error.ts";
import { bytesOf } from "./keys.ts";
import { look } from "./look.ts";
import { Losses } from "./losses.ts";
import { companionSuffix, type Mode } from "./mode.ts";
import type { Queue } from "./queue.ts";
import {
  entriesOf,
  madeAt,
  type OwnEntries,
  ours,
  read,
  releaseStep,
  type Spot,
} from "./queue-requests.ts";
import type { Waiting } from "./requester.ts";
import type { Rule } from "./rule.ts";
import type { Loss, Session } from "./session.ts";
import { throughConsensus } from "./through-consensus.ts";
import type { Step, StepResult } from "./transactor.ts";

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
  /** What keeps others out beside our entries, if somebody asked for that. */
  readonly companion: Companion | undefined;
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
  constructor(
    session: Session,
    queues: readonly Queue[],
    rule: Rule,
    { known, lingering }: { known?: KnownEntries; lingering?: Lingering | undefined } = {},
  ) {
    this.session = session;
    this.queues = queues;
    this.rule = rule;
    this.#mode = rule.mode;
    this.keys = known?.keys ?? queues.map(({ prefix }) => session.nextEntryKey(prefix, rule.mode));
    this.#createRevision = known?.createRevision ?? 0n;
    const beside = (key: string, { prefix }: Queue): string =>
      prefix + companionSuffix(key.slice(prefix.length));
    this.companion =
      lingering &&
      new Companion(
        session,
        lingering,
        queues.map((queue, index) => beside(this.#key(index), queue)),
      );
    this.#spots = queues.map(({ prefix, range }, index) => {
      const companion = this.companion?.keys[index];
      return {
        key: bytesOf(this.#key(index)),
        companion: companion === undefined ? undefined : bytesOf(companion),
        prefix,
        range,
      };
    });
    for (const [index, queue] of queues.entries()) {
      for (const key of this.#keysIn(index)) queue.add(key, this);
    }
    session.carry(this.keys);
    this.#losses = new Losses(session, this, this.companion, known !== undefined);
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
    return {
      spots: this.#spots,
      createRevision: this.#createRevision,
      lease,
      companionLease: this.companion?.lease,
    };
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

  /** How long it is ours if nothing is renewed any more, in milliseconds. */
  get remainingMs(): number {
    if (this.loss || this.#leaving) return 0;
    const { expiresAt, options } = this.session;
    const { expiresAt: alsoAt = expiresAt } = this.companion ?? {};
    return Math.max(0, Math.min(expiresAt, alsoAt) - options.clock.now());
  }

  /** Calls `listener` when the place is lost. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    return this.#losses.onLoss(listener);
  }

  /** Carries out a step that puts our entries, or moves them to our lease. */
  put(stepNow: () => Step, value: Uint8Array, waiting: Waiting = {}): Promise<StepResult> {
    this.#value = value;
    const putting = this.session.commit(stepNow, waiting, () => {
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
    this.companion?.stand();
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
    if (!this.keys.includes(key)) return this.#recheckCompanion(key);
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
    const { key, companion } = this.#spot(0);
    // It is to stand in nobody's way either who may get in now.
    const keys = [key, ...(companion ? [companion] : [])];
    const { succeeded, responses, revision } = await this.session.commit(
      () => ({
        compare: this.guard,
        success: keys.map((key) => ({ op: "put", request: { key, value, ignoreLease: true } })),
        otherwise: [read(this.#spot(0))],
      }),
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
    for (const key of this.#keysIn(0)) this.queues[0]?.yielded(key, revision);
  }

  /** One more hold stands on it. */
  share(): void {
    if (this.#shares === 0) this.companion?.begin();
    this.#shares += 1;
  }

  /** One hold less stands on it. Returns whether that was the last one. */
  unshare(): boolean {
    this.#shares -= 1;
    return this.#shares <= 0;
  }

  /**
   * Takes away what is left of a place that was lost, while the session lives: nobody is to wait
   * for it, but for its companion. Nobody has to wait for this.
   */
  async withdraw(): Promise<void> {
    this.#losses.forgetGrace();
    if (this.session.loss) return;
    const { session } = this;
    // What is under way without an answer could put it there behind our back.
    const step = (): Step => ({
      ...releaseStep(this.own, () => false, { lease: undefined }),
      isHarmless: false,
    });
    await session.see(step);
    session.drop(this.keys);
  }

  /** One hold less stands on a place that was lost; with the last one, what is left of it goes. */
  abandon(): void {
    if (!this.unshare()) return;
    void this.withdraw();
    this.#releaseCompanion();
  }

  /** From now on it is nobody's here. */
  startDetaching(): void {
    this.startLeaving();
    this.#losses.end({ reason: "detached" });
    // Whoever attaches it has none.
    if (this.companion) void this.session.track(this.companion.end());
  }

  /** Whether somebody in this process waits for our entry in one of the queues to go. */
  isAwaited(index: number): boolean {
    return this.#keysIn(index).some((key) => this.queues[index]?.isAwaited(key));
  }

  /** From now on what happens to its entries is our own doing. */
  startLeaving(): void {
    this.#leaving = true;
  }

  /** Ends a place that etcd knows nothing of, or that is not ours to leave. */
  forget(): void {
    this.#leaving = true;
    this.#close();
    this.session.drop(this.keys);
    this.#releaseCompanion();
  }

  /** The watch saw one of our keys go. */
  wasRemoved(): void {
    this.#losses.wasRemoved();
  }

  /** The watch saw one of our keys put, by ourselves or by somebody else. */
  wasPut(key: string, lease: bigint, revision: bigint): void {
    if (this.keys.includes(key)) this.#losses.wasPut(lease, revision);
    else if (!this.#leaving && !this.companion?.isOwn(lease)) {
      this.#losses.end({ reason: "overwritten" });
    }
  }

  /** It is lost, as `Losses` found out. */
  lost({ reason }: Loss): void {
    const hadNoTime = reason === "expired" || reason === "stalled";
    if (this.#shares > 0 && hadNoTime) this.session.noteUnreleased();
    this.companion?.stopRenewing();
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

  /** All keys in one of the queues that are ours. */
  #keysIn(index: number): readonly string[] {
    const companion = this.companion?.keys[index];
    return companion === undefined ? [this.#key(index)] : [this.#key(index), companion];
  }

  /** Nobody saw what happened to a companion until now: without it the place is lost. */
  async #recheckCompanion(key: string): Promise<void> {
    if (this.#createRevision === 0n || this.#leaving) return;
    const bytes = bytesOf(key);
    try {
      const { succeeded } = await this.session.ask({
        compare: madeAt([{ key: bytes }], this.#createRevision),
        failure: [throughConsensus(bytes)],
      });
      if (!succeeded && !this.#leaving) this.#losses.wasRemoved();
    } catch {
      // Whoever gets no answer will be told by the deadline of the lease.
    }
  }

  #releaseCompanion(): void {
    if (this.companion) void this.session.track(this.companion.release());
  }

  #spot(index: number): Spot {
    const spot = this.#spots[index];
    if (!spot) throw new RangeError(`There is no entry ${index}`);
    return spot;
  }

  #close(): void {
    this.#losses.close();
    for (const [index, queue] of this.queues.entries()) {
      for (const key of this.#keysIn(index)) queue.remove(key);
    }
  }
}
