import { type LossReason, StoreError } from "../errors.ts";
import type { Compare, ResponseOp } from "../etcd/api.ts";
import { entryOf } from "./entry.ts";
import { bytesOf } from "./keys.ts";
import { Losses } from "./losses.ts";
import type { Mode } from "./mode.ts";
import { type Others, othersOf } from "./others.ts";
import type { Queue, View } from "./queue.ts";
import {
  aheadOf,
  entriesOf,
  groupOf,
  keysAhead,
  leaveStep,
  newestOf,
  type OwnEntries,
  ours,
  outlooksOf,
  read,
  releaseStep,
  releasesOf,
  type Spot,
} from "./queue-requests.ts";
import { holdersAmong, type Rule } from "./rule.ts";
import type { Loss, Session } from "./session.ts";
import { throughConsensus } from "./through-consensus.ts";
import type { Step, StepResult, Waiting } from "./transactor.ts";

/** An entry of ours is not there any more, or not ours. */
export class EntryLostError extends Error {
  override name = "EntryLostError";
}

/** Entries that somebody else made, and left to us. */
export interface KnownEntries {
  readonly keys: readonly string[];
  readonly createRevision: bigint;
}

// Who stands further behind than that is told so.
const positionMax = 10_000n;

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
    this.#spots = queues.map(({ prefix }, index) => ({ key: bytesOf(this.#key(index)), prefix }));
    for (const [index, queue] of queues.entries()) queue.add(this.#key(index), this);
    this.#losses = new Losses(session, this);
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
  }

  /** Etcd knows nothing of our entries, and will not hear of them by what was sent. */
  standsNowhere(): void {
    this.#mayStand = false;
  }

  /** Looks at who is ahead in one of the queues, and makes sure that we still stand there ourselves. */
  async look(index: number, waiting: Waiting): Promise<View> {
    const spot = this.#spot(index);
    const { succeeded, responses, header } = await this.session.ask(
      {
        compare: ours({ ...this.own, spots: [spot] }),
        success: aheadOf(spot, this.rule, this.#createRevision),
        failure: [read(spot), throughConsensus(spot.key)],
      },
      waiting,
    );
    if (succeeded) return { revision: header.revision, ahead: newestOf(spot.prefix, responses) };
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
    if (this.#createRevision === 0n || this.#leaving) return;
    await Promise.all(this.#spots.map((_, index) => this.look(index, waiting)));
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
    if (!succeeded) throw this.#missing(entriesOf(responses[0]).length > 0);
    this.#value = value;
    return revision;
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

  /**
   * One hold less stands on it; with the last one it leaves, and tells whoever is next in this
   * process. Resolves only if the place was ours until then.
   *
   * @throws {EntryLostError} when it was not.
   */
  async release(): Promise<void> {
    this.#shares -= 1;
    if (this.#shares > 0) return;
    const step = releaseStep(this.own);
    this.#leaving = true;
    try {
      const result = await this.session.commit(step);
      const releases = releasesOf(this.#spots.length, result);
      let lost: EntryLostError | undefined;
      for (const [index, { succeeded, responses }] of releases.entries()) {
        if (succeeded) {
          this.#handOver(index, responses[1], result.revision);
          continue;
        }
        const overwritten = entriesOf(responses[0]).length > 0;
        // An earlier attempt whose answer got lost did it: nothing else is known to have
        // removed the entry, and the session, which a lost lease would have ended, is alive.
        if (!result.repeated || overwritten || this.loss) lost ??= this.#missing(overwritten);
      }
      if (lost) throw lost;
    } catch (error) {
      // Somebody waits for these entries to go, even if nobody waits for this call any more.
      if (error instanceof StoreError) void this.session.see(step);
      throw error;
    } finally {
      this.#close();
    }
  }

  /**
   * Leaves, as a contender, whether or not it has joined. Resolves with who is there, if there
   * was something to leave, and etcd answers. Whoever waited in a queue learns its position, too.
   */
  async leave(waitedIn?: number): Promise<Others | undefined> {
    this.#leaving = true;
    // A join that is still under way could be carried out after we have left.
    await this.#putting;
    if (!this.#mayStand) {
      this.#close();
      return undefined;
    }
    const step = leaveStep(this.own);
    const hasWaited = waitedIn !== undefined && this.#createRevision > 0n;
    const index = waitedIn ?? 0;
    const spot = this.#spot(index);
    const looks = hasWaited ? [keysAhead(spot, this.#createRevision, positionMax)] : [];
    const result = await this.session.see({ ...step, success: [...looks, ...step.success] });
    if (!result) {
      this.#close();
      return undefined;
    }
    const left = result.responses.slice(looks.length);
    // What it removed comes before what it found.
    const found = this.#spots.map((_, at) => groupOf(this.#spots.length, left, at).slice(1));
    for (const [at, [first]] of found.entries()) this.#handOver(at, first, result.revision);
    this.#close();
    const [outlook] = outlooksOf([spot], found[index] ?? []);
    const before = entriesOf(result.responses[0]).map((kv) => entryOf(spot.prefix, kv));
    const position = hasWaited ? before.length - holdersAmong(before) + 1 : undefined;
    return outlook && othersOf(this.queues[index]?.name ?? "", outlook, position);
  }

  /**
   * Takes away what is left of a place that was lost, while the session lives: nobody is to wait
   * for it. Nobody waits for this.
   */
  withdraw(): void {
    this.#losses.forgetGrace();
    if (!this.session.loss) void this.session.see(releaseStep(this.own));
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
  wasPut(lease: bigint): void {
    this.#losses.wasPut(lease);
  }

  /** It is lost, as `Losses` found out. */
  lost({ reason }: Loss): void {
    const hadNoTime = reason === "expired" || reason === "stalled";
    if (this.#shares > 0 && hadNoTime) this.session.noteUnreleased();
    this.#close();
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

  #handOver(index: number, first: ResponseOp | undefined, revision: bigint): void {
    this.queues[index]?.handOver(entriesOf(first)[0], revision);
  }

  #missing(overwritten: boolean): EntryLostError {
    const reason: LossReason = overwritten ? "overwritten" : "deleted";
    this.#losses.end(this.session.loss ?? { reason });
    return new EntryLostError(reason);
  }

  #close(): void {
    this.#losses.close();
    for (const [index, queue] of this.queues.entries()) queue.remove(this.#key(index));
  }
}
