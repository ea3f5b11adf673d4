import { DisagreementError, type Holder, type LossReason, StoreError } from "../errors.ts";
import type { Compare, RequestOp, ResponseOp } from "../etcd/api.ts";
import { type Entry, entryOf, holderOf } from "./entry.ts";
import { bytesOf } from "./keys.ts";
import type { Mode } from "./mode.ts";
import type { Queue, View } from "./queue.ts";
import {
  aheadOf,
  entriesOf,
  groupOf,
  joinStep,
  keysAhead,
  leaveStep,
  newestOf,
  type Outlook,
  type OwnEntries,
  ours,
  outlooksOf,
  read,
  releaseStep,
  releasesOf,
  type Spot,
  tryStep,
} from "./queue-requests.ts";
import { causeOf, type Revocation } from "./revocation.ts";
import { holdersAmong, type Rule } from "./rule.ts";
import type { Loss, Session } from "./session.ts";
import { throughConsensus } from "./through-consensus.ts";
import type { Step, StepResult, Waiting } from "./transactor.ts";

/** Who stands in a queue that we are not in. */
export interface Others {
  /** The name of the lock. */
  readonly name: string;
  readonly holder: Holder | undefined;
  readonly waiters: number;
  /** Which of the waiters we were, if we were one: 1 for the first. */
  readonly position?: number | undefined;
}

/** An entry of ours is not there any more, or not ours. */
export class EntryLostError extends Error {
  override name = "EntryLostError";
  readonly reason: LossReason;

  constructor(reason: LossReason) {
    super(reason);
    this.reason = reason;
  }
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
  readonly #listeners = new Set<(loss: Loss) => void>();
  readonly #stopListening: () => void;
  #createRevision: bigint;
  /** Whether etcd may know of it. */
  #mayStand = false;
  #joining: Promise<void> | undefined;
  #loss: Loss | undefined;
  #removed = false;
  #leaving = false;
  #mode: Mode;
  #value: Uint8Array = new Uint8Array();
  /** Until when somebody else put its entries, if it was left to us: for ever, until we took it on. */
  #othersUntil = 0n;
  #lastPut = { lease: 0n, revision: 0n };
  /** How many holds stand on it: one, and one more for each that joined in. */
  #shares = 0;
  #forgetGrace: () => void = () => {};

  /** A place that nobody stands in yet; or, with `known`, one that somebody else left to us. */
  constructor(
    session: Session,
    queues: readonly Queue[],
    rule: Rule,
    known: { keys: readonly string[]; createRevision: bigint } | undefined = undefined,
  ) {
    this.session = session;
    this.queues = queues;
    this.rule = rule;
    this.#mode = rule.mode;
    this.keys = known?.keys ?? queues.map(({ prefix }) => session.nextEntryKey(prefix, rule.mode));
    this.#createRevision = known?.createRevision ?? 0n;
    if (known) this.#othersUntil = 2n ** 63n;
    this.#spots = queues.map(({ prefix }, index) => ({
      key: bytesOf(this.keys[index] ?? ""),
      prefix,
    }));
    for (const [index, queue] of queues.entries()) queue.add(this.keys[index] ?? "", this);
    const stops = [
      session.onLoss((loss) => this.#end(loss)),
      session.onRevocation((revocation) => this.#revoke(revocation)),
    ];
    this.#stopListening = () => {
      for (const stop of stops) stop();
    };
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

  /** Whether we have begun to leave it. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Why the place is lost, or undefined while it is not. It looks at the clock when asked. */
  get loss(): Loss | undefined {
    const sessionLoss = this.session.loss;
    if (sessionLoss) this.#end(sessionLoss);
    else if (this.#removed) this.#end({ reason: "deleted" });
    return this.#loss;
  }

  /** Calls `listener` when the place is lost. Returns the function that takes it back. */
  onLoss(listener: (loss: Loss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Joins each queue at its end, and looks at who is ahead there. */
  join(value: Uint8Array, waiting: Waiting): Promise<readonly View[]> {
    this.#value = value;
    const joining = this.#join(value, waiting);
    this.#joining = joining.then(
      () => {},
      () => {},
    );
    return joining;
  }

  async #join(value: Uint8Array, waiting: Waiting): Promise<readonly View[]> {
    const { succeeded, responses, revision } = await this.#tryTo(
      joinStep(this.own, value, this.rule),
      waiting,
    );
    if (succeeded) {
      this.#stand(revision);
      return this.#spots.map(({ prefix }, index) => {
        const [, ...seen] = groupOf(this.#spots.length, responses, index);
        const ahead = newestOf(prefix, seen).filter((entry) => entry.createRevision < revision);
        return { revision, ahead };
      });
    }
    const [own, ...rivals] = responses;
    this.#adopt(own, rivals);
    return Promise.all(this.#spots.map((_, index) => this.look(index, waiting)));
  }

  /** Joins only if it is our turn at once. Resolves with who is in our way, if somebody is. */
  async tryJoin(
    value: Uint8Array,
    waiting: Waiting,
    along: readonly RequestOp[] = [],
  ): Promise<Others | undefined> {
    this.#value = value;
    let seenAt: bigint | undefined;
    // Ends when we are in, or somebody is in our way: whoever makes it go on has come meanwhile.
    for (;;) {
      const step = tryStep(this.own, value, this.rule, seenAt);
      const joining = { ...step, success: [...step.success, ...along] };
      const { succeeded, responses, revision } = await this.#tryTo(joining, waiting);
      if (succeeded) {
        this.#stand(revision);
        return undefined;
      }
      const [own, ...others] = responses;
      // An earlier attempt was carried out, and its answer got lost.
      if (entriesOf(own).length > 0) return this.#adopt(own, []);
      const outlooks = outlooksOf(this.#spots, others);
      for (const { ahead } of outlooks) this.#mustAgree(ahead);
      const blocked = outlooks.findIndex(({ ahead }) => this.rule.blockers(ahead).length > 0);
      const outlook = outlooks[blocked];
      if (outlook) return this.#othersOf(blocked, outlook);
      seenAt = revision;
    }
  }

  /** Looks at who is ahead in one of the queues, and makes sure that we still stand there ourselves. */
  async look(index: number, waiting: Waiting): Promise<View> {
    const spot = this.#spot(index);
    const own = { ...this.own, spots: [spot] };
    const { succeeded, responses, header } = await this.session.ask(
      {
        compare: ours(own),
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
    const spot = this.#spot(0);
    const { lease } = this.session;
    const { succeeded, responses, revision } = await this.session.commit(
      {
        compare: this.guard,
        success: [{ op: "put", request: { key: spot.key, value, lease } }],
        otherwise: [read(spot)],
      },
      waiting,
    );
    if (!succeeded && this.#leaving) throw new EntryLostError("released");
    if (!succeeded) throw this.#missing(entriesOf(responses[0]).length > 0);
    this.#value = value;
    return revision;
  }

  /** What somebody left to us is ours since `revision`. */
  tookOn(value: Uint8Array, revision: bigint): void {
    this.#value = value;
    this.#othersUntil = revision;
    this.wasPut(this.#lastPut.lease, this.#lastPut.revision);
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
      for (const [index, each] of releasesOf(this.#spots.length, result).entries()) {
        if (each.succeeded) {
          this.#handOver(index, each.responses[1], result.revision);
          continue;
        }
        const overwritten = entriesOf(each.responses[0]).length > 0;
        // An earlier attempt whose answer got lost did it: nothing else is known to have
        // removed the entry, and the session, which a lost lease would have ended, is alive.
        if (!result.repeated || overwritten || this.loss) throw this.#missing(overwritten);
      }
    } catch (error) {
      // Somebody waits for these entries to go, even if nobody waits for this call any more.
      if (error instanceof StoreError) void this.session.see(step);
      throw error;
    } finally {
      this.#close();
    }
  }

  /**
   * Takes away what is left of a place that was lost, while the session lives: nobody is to wait
   * for it. Nobody waits for this.
   */
  withdraw(): void {
    this.#forgetGrace();
    if (!this.session.loss) void this.session.see(releaseStep(this.own));
  }

  /** From now on it is a reader's, to whoever is behind it in this process as well. */
  becameReader(revision: bigint): void {
    this.#mode = { kind: "read" };
    this.queues[0]?.yielded(this.keys[0] ?? "", revision);
  }

  /** One hold less stands on a place that was lost; with the last one, what is left of it goes. */
  abandon(): void {
    this.#shares -= 1;
    if (this.#shares === 0) this.withdraw();
  }

  /** From now on it is nobody's here, and what happens to its entries is our own doing. */
  startLeaving(): void {
    this.#leaving = true;
    this.#end({ reason: "detached" });
  }

  /** Ends a place that etcd knows nothing of, or that is not ours to leave. */
  forget(): void {
    this.#leaving = true;
    this.#close();
  }

  /**
   * Leaves, as a contender, whether or not it has joined. Resolves with who is there, if there
   * was something to leave, and etcd answers. Whoever waited in a queue learns its position, too.
   */
  async leave(waitedIn?: number): Promise<Others | undefined> {
    this.#leaving = true;
    // A join that is still under way could be carried out after we have left.
    await this.#joining;
    if (!this.#mayStand) {
      this.#close();
      return undefined;
    }
    const hasJoined = this.#createRevision > 0n;
    const waited = hasJoined && waitedIn !== undefined ? this.#spots[waitedIn] : undefined;
    const step = leaveStep(this.own);
    const looks = waited ? [keysAhead(waited, this.#createRevision, positionMax)] : [];
    const result = await this.session.see({ ...step, success: [...looks, ...step.success] });
    const responses = result?.responses.slice(looks.length) ?? [];
    // What it removed comes before what it found.
    const found = this.#spots.map((_, index) =>
      groupOf(this.#spots.length, responses, index).slice(1),
    );
    for (const [index, [first]] of found.entries()) {
      if (result) this.#handOver(index, first, result.revision);
    }
    this.#close();
    if (!result) return undefined;
    const index = waitedIn ?? 0;
    const [outlook] = outlooksOf([this.#spot(index)], found[index] ?? []);
    // Only of the first one its value matters: a writer that became a reader is never further back.
    const entries = entriesOf(result.responses[0])
      .map((kv) => entryOf(this.#spot(index).prefix, kv))
      .map((entry) => (entry.key === outlook?.first?.key ? outlook.first : entry));
    const position = waited && entries.length - holdersAmong(entries) + 1;
    return outlook && { ...this.#othersOf(index, outlook), position };
  }

  /** The watch saw one of our keys go. */
  wasRemoved(): void {
    if (this.#leaving || this.#removed) return;
    this.#removed = true;
    // If the lease went, and not just this key, the session hears of it in this moment, and
    // can say so. Nobody is let in by that: `loss` is there as soon as somebody asks.
    this.session.options.clock.setTimer(1, () => this.loss, { keepsProcessAlive: false });
  }

  /** The watch saw one of our keys put, by ourselves or by somebody else. */
  wasPut(lease: bigint, revision: bigint): void {
    this.#lastPut = { lease, revision };
    if (this.#leaving || revision <= this.#othersUntil) return;
    if (lease !== this.session.lease) this.#end({ reason: "overwritten" });
  }

  #spot(index: number): Spot {
    const spot = this.#spots[index];
    if (!spot) throw new RangeError(`There is no spot ${index}`);
    return spot;
  }

  /** Carries out a step that puts our entries. */
  async #tryTo(step: Step, waiting: Waiting): Promise<StepResult> {
    const result = await this.session.commit(step, waiting, () => {
      this.#mayStand = true;
    });
    this.#mayStand = true;
    return result;
  }

  /** An earlier attempt to join was carried out, and its answer got lost; or rivals kept us out. */
  #adopt(own: ResponseOp | undefined, rivals: readonly ResponseOp[]): undefined {
    const [entry] = entriesOf(own);
    if (!entry) {
      this.#mayStand = false;
      this.#mustAgree(rivals.flatMap(entriesOf).map((kv) => entryOf(this.#spot(0).prefix, kv)));
    }
    if (entry) this.#stand(entry.createRevision);
  }

  /** We stand there since `revision`. */
  #stand(revision: bigint): void {
    this.#createRevision = revision;
    // What became of it may have been told before that.
    const revocation = this.session.revocation(revision);
    if (revocation) this.#revoke(revocation);
  }

  /** Those who ask for the same thing must mean the same number. */
  #mustAgree(entries: readonly Entry[]): void {
    const { mode } = this.rule;
    if (!("total" in mode)) return;
    for (const { mode: other } of entries) {
      if (other.kind !== mode.kind || other.total === mode.total) continue;
      this.#mayStand = false;
      throw new DisagreementError(this.queues[0]?.name ?? "", mode.total, other.total);
    }
  }

  #othersOf(index: number, { first, count }: Outlook): Others {
    const name = this.queues[index]?.name ?? "";
    return { name, holder: first && holderOf(first), waiters: Math.max(0, count - 1) };
  }

  #handOver(index: number, first: ResponseOp | undefined, revision: bigint): void {
    this.queues[index]?.handOver(entriesOf(first)[0], revision);
  }

  /** Somebody wants it back: it is lost now, and goes when its grace is over, or it is released. */
  #revoke(revocation: Revocation): void {
    if (revocation.token !== this.#createRevision || this.#leaving || this.#loss) return;
    this.#end({ reason: "revoked", cause: causeOf(revocation) });
    const { session } = this;
    const { clock } = session.options;
    const withdraw = (): void => {
      stopListening();
      this.withdraw();
    };
    // Whoever wants it back may not be there any more to take it.
    const cancel = clock.setTimer(revocation.graceMs, withdraw, { keepsProcessAlive: false });
    const stopListening = session.onLoss(cancel);
    this.#forgetGrace = () => {
      cancel();
      stopListening();
    };
  }

  #missing(overwritten: boolean): EntryLostError {
    const { loss } = this.session;
    const reason: LossReason = overwritten ? "overwritten" : "deleted";
    this.#end(loss ?? { reason });
    return new EntryLostError(reason);
  }

  #end(loss: Loss): void {
    if (this.#loss) return;
    this.#loss = loss;
    const hadNoTime = loss.reason === "expired" || loss.reason === "stalled";
    if (this.#shares > 0 && hadNoTime) this.session.noteUnreleased();
    for (const listener of [...this.#listeners]) listener(loss);
    this.#listeners.clear();
    this.#close();
  }

  #close(): void {
    this.#stopListening();
    for (const [index, queue] of this.queues.entries()) queue.remove(this.keys[index] ?? "");
  }
}
