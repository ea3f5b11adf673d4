import { type Clock, sleep, within } from "../clock.ts";
import { ClosedError, type LossReason, StoreError, StoreUnavailableError } from "../errors.ts";
import type {
  Compare,
  Etcd,
  KeyValue,
  RequestOp,
  ResponseHeader,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "../etcd/api.ts";
import { abortable } from "../signals.ts";
import { mentionsOtherLease, putsOnOtherLease } from "./other-lease.ts";
import { notSentInTime, overTooSoon, pauseMs, Requester, type Waiting } from "./requester.ts";
import { SessionGoneError } from "./session-gone-error.ts";
import { throughConsensus } from "./through-consensus.ts";

/** A change that happens once, and only while the session lives. */
export interface Step {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  /** What to read when `compare` does not hold. */
  readonly otherwise: readonly RequestOp[];
  /**
   * Whether it does no harm when it is carried out late, or twice, such as the removal of a
   * key that is never put again. Then it need not wait until earlier doubts are settled.
   */
  readonly isHarmless?: boolean;
  /** Whether it must not be asked again once it may have been carried out without an answer. */
  readonly isOnce?: boolean;
}

/** What a step came to, with the answers to its `success` or its `otherwise`. */
export interface StepResult {
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
  readonly revision: bigint;
  /** Whether there were attempts without an answer: one of them may have been carried out. */
  readonly repeated: boolean;
}

/** Where a session stands in etcd: the key that only it writes, and the lease which that hangs on. */
export interface Standing {
  readonly key: Uint8Array;
  readonly lease: bigint;
}

/** What a transactor works on. */
export interface TransactorOptions {
  readonly etcd: Etcd;
  readonly clock: Clock;
  readonly standing: Standing;
  /** The answer to the request that put the session's key. */
  readonly put: ResponseHeader;
  /** How long one attempt may take before it is given up and made anew. */
  readonly attemptMs: number;
  /** How long a call goes on making attempts, unless it says otherwise. */
  readonly callTimeoutMs: number;
  readonly onHeader: (header: ResponseHeader) => void;
  readonly onLost: (reason: LossReason, cause?: unknown) => void;
}

/**
 * Carries out a session's changes, each at most once.
 *
 * A request that was given up on may still be carried out, seconds later: of the writes
 * abandoned during a pause of the leader a third were (RELIABILITY, measured). So every
 * change compares the revision of the session's own key, the epoch. After a doubt the key
 * is put anew, which makes void whatever was sent before, and only then the next change is
 * sent.
 */
export class Transactor {
  readonly #options: TransactorOptions;
  readonly #requester: Requester;
  #standing: Standing;
  #epoch: bigint;
  /** Grows with every request that was given up on. */
  #doubts = 0;
  /** How many of those doubts were settled by a new epoch. */
  #settled = 0;
  #settling: Promise<void> | undefined;
  /** Until then no change is sent: what the session has is on its way to another lease. */
  #moving: Promise<unknown> | undefined;

  constructor(options: TransactorOptions) {
    this.#options = options;
    this.#standing = options.standing;
    this.#epoch = options.put.revision;
    this.#requester = new Requester({
      ...options,
      confirmed: options.put,
      probe: () => throughConsensus(this.#standing.key),
      translate: (error, request) => this.#translate(error, request),
    });
  }

  /** What the whole cluster has confirmed last. */
  get seen(): ResponseHeader {
    return this.#requester.seen;
  }

  /** While the session moves, what resolves when it has. */
  get moving(): Promise<unknown> | undefined {
    return this.#moving;
  }

  /**
   * Carries out a change at most once, whatever gets lost on the way. `stepNow` says what it is: it
   * is asked anew for each attempt, since the session may have moved to another lease.
   *
   * @throws {StoreUnavailableError} when there was no answer in time. Then the change may have
   *   happened, or not; but once a later `commit` that is not harmless has answered, it won't
   *   happen any more. `onDoubt` is called for each attempt without an answer.
   */
  async commit(
    stepNow: () => Step,
    waiting: Waiting = {},
    onDoubt: () => void = () => {},
  ): Promise<StepResult> {
    const giveUpAt = this.#requester.giveUpAt(waiting);
    let repeated = false;
    const noteDoubt = (): void => {
      this.#doubts++;
      repeated = true;
      onDoubt();
    };
    for (;;) {
      const step = await this.#ready(stepNow, giveUpAt, waiting);
      const epoch = this.#epoch;
      const standing = this.#standing;
      const own = { key: standing.key };
      const request: TxnRequest = {
        compare: [
          { ...own, target: "modRevision", result: "equal", operand: epoch },
          ...step.compare,
        ],
        success: step.success,
        failure: [{ op: "range", request: own }, ...step.otherwise],
      };
      const response = await this.#requester.attempt(request, giveUpAt, waiting, noteDoubt);
      if (!response && step.isOnce && repeated) throw this.#requester.silence;
      if (!response) continue;

      const { revision } = response.header;
      if (response.succeeded) return { ...response, revision, repeated };
      // What held before the session moved says nothing of what holds now.
      if (standing !== this.#standing) continue;
      const [presence, ...responses] = response.responses;
      if (this.#readEpoch(presence) === epoch) {
        return { succeeded: false, responses, revision, repeated };
      }
    }
  }

  /** Asks something that may be asked any number of times, such as what the store holds. */
  ask(request: TxnRequest, waiting: Waiting = {}): Promise<TxnResponse> {
    return this.#requester.ask(request, waiting);
  }

  /**
   * Moves the session to another lease: the first of `requests` puts it there, and makes void all
   * that was sent before, or its failure reads the session's new key. No other change is sent until all of them have been carried out, which
   * they may be twice. `onMoved` gets each answer.
   *
   * @throws {SessionGoneError} when the compare of the first does not hold.
   * @throws {StoreError} when the first is refused. Then nothing has been moved.
   * @throws the reason of `signal`, when that aborts.
   */
  moveTo(
    standing: Standing,
    requests: readonly TxnRequest[],
    onMoved: (responses: readonly ResponseOp[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const moving = this.#move(standing, requests, onMoved, signal).finally(() => {
      this.#moving = undefined;
    });
    this.#moving = moving.catch(() => {});
    return moving;
  }

  async #move(
    standing: Standing,
    requests: readonly TxnRequest[],
    onMoved: (responses: readonly ResponseOp[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const request of requests) {
      const doubts = this.#doubts;
      const response = await this.#insist(request, this.#standing === standing, signal);
      if (this.#standing !== standing) {
        const own = response.succeeded ? undefined : keyRead(response.responses[0]);
        if (!response.succeeded && own?.lease !== standing.lease) throw new SessionGoneError();
        this.#standing = standing;
        this.#epoch = own?.modRevision ?? response.header.revision;
        this.#settled = Math.max(this.#settled, doubts);
      }
      onMoved(response.responses);
    }
  }

  /** Asks until there is an answer: half of a session can't stay where it is. */
  async #insist(
    request: TxnRequest,
    isHalfway: boolean,
    signal: AbortSignal,
  ): Promise<TxnResponse> {
    const { clock } = this.#options;
    let isBegun = isHalfway;
    const noteDoubt = (): void => {
      isBegun = true;
    };
    for (;;) {
      try {
        const never = Number.POSITIVE_INFINITY;
        const response = await this.#requester.attempt(request, never, { signal }, noteDoubt);
        if (response) return response;
      } catch (error) {
        signal.throwIfAborted();
        if (!isBegun || error instanceof ClosedError) throw error;
        await sleep(clock, pauseMs, signal);
      }
    }
  }

  /** Waits until a change may be sent, and says what it is then. */
  async #ready(stepNow: () => Step, giveUpAt: number, waiting: Waiting): Promise<Step> {
    const { clock } = this.#options;
    for (;;) {
      const step = stepNow();
      if (this.#moving) {
        await within(
          clock,
          Math.max(giveUpAt - clock.now(), 0),
          abortable(this.#moving, waiting.signal),
        );
        if (clock.now() >= giveUpAt) throw notSentInTime();
      } else if (!step.isHarmless && this.#settled < this.#doubts) {
        await this.#settle(giveUpAt, waiting);
      } else {
        return step;
      }
    }
  }

  /** Sees to it that nothing of what is in doubt by now can be carried out any more. */
  async #settle(giveUpAt: number, { signal }: Waiting): Promise<void> {
    const { clock } = this.#options;
    const doubts = this.#doubts;
    while (this.#settled < doubts) {
      this.#settling ??= this.#renewEpoch(giveUpAt).finally(() => {
        this.#settling = undefined;
      });
      try {
        // Who began it may have more time than we, or less.
        const settling = abortable(this.#settling, signal);
        await within(clock, Math.max(giveUpAt - clock.now(), 0), settling);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
      }
      if (this.#settled < doubts && clock.now() + pauseMs >= giveUpAt)
        throw this.#requester.silence;
    }
  }

  /** Begins a new epoch, so that no request of an older one can do anything any more. */
  async #renewEpoch(giveUpAt: number): Promise<void> {
    const standing = this.#standing;
    const { key, lease } = standing;
    const doubts = this.#doubts;
    const request: TxnRequest = {
      compare: [{ key, target: "lease", result: "equal", operand: lease }],
      success: [{ op: "put", request: { key, lease, value: new Uint8Array(), ignoreValue: true } }],
      failure: [{ op: "range", request: { key } }],
    };
    const response = await this.#requester.attempt(request, giveUpAt, {});
    if (!response || standing !== this.#standing) return;
    if (response.succeeded) this.#epoch = response.header.revision;
    else this.#readEpoch(response.responses[0]);
    this.#settled = doubts;
  }

  /** The epoch as etcd has it, which may be ahead of ours by a change whose answer was lost. */
  #readEpoch(presence: ResponseOp | undefined): bigint {
    const own = keyRead(presence);
    if (own?.lease !== this.#standing.lease) {
      this.#options.onLost("revoked");
      throw new SessionGoneError();
    }
    if (own.modRevision > this.#epoch) this.#epoch = own.modRevision;
    return own.modRevision;
  }

  async #translate(error: unknown, { success = [] }: TxnRequest): Promise<unknown> {
    if (!(error instanceof StoreError) || error.status !== "NOT_FOUND") return error;
    // "requested lease not found", but which one?
    const { key, lease } = this.#standing;
    if (mentionsOtherLease(success, lease)) {
      const { succeeded } = await this.ask({
        compare: [{ key, target: "lease", result: "equal", operand: lease }],
        failure: [throughConsensus(key)],
      });
      // One that the caller named is the caller's affair; one of ours was granted too early.
      if (succeeded && !putsOnOtherLease(success, lease)) return error;
      if (succeeded) return overTooSoon(error);
    }
    this.#options.onLost("revoked", error);
    return new SessionGoneError({ cause: error });
  }
}

function keyRead(read: ResponseOp | undefined): KeyValue | undefined {
  return read?.op === "range" ? read.response.kvs[0] : undefined;
}
