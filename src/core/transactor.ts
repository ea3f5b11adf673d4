import { type Clock, sleep, within } from "../clock.ts";
import { type LossReason, StoreError, StoreUnavailableError } from "../errors.ts";
import type {
  Compare,
  Etcd,
  KeyRange,
  KeyValue,
  RequestOp,
  ResponseHeader,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "../etcd/api.ts";
import { abortable } from "../signals.ts";
import { Gate } from "./gate.ts";
import { mentionsOtherLease, putsOnOtherLease } from "./other-lease.ts";
import { SessionGoneError } from "./session-gone-error.ts";
import { throughConsensus } from "./through-consensus.ts";

/** How a call waits. */
export interface Waiting {
  /** Gives up when it aborts, with its reason. What was asked may be carried out all the same. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to keep asking, in milliseconds, when etcd does not answer.
   *
   * @default `callTimeoutMs` of the client
   */
  readonly timeoutMs?: number | undefined;
}

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

/** What a transactor works on. */
export interface TransactorOptions {
  readonly etcd: Etcd;
  readonly clock: Clock;
  /** The session's own key, and the answer to the request that put it. */
  readonly key: Uint8Array;
  readonly put: ResponseHeader;
  readonly lease: bigint;
  /** How long one attempt may take before it is given up and made anew. */
  readonly attemptMs: number;
  /** How long a call goes on making attempts, unless it says otherwise. */
  readonly callTimeoutMs: number;
  readonly onHeader: (header: ResponseHeader) => void;
  readonly onLost: (reason: LossReason, cause?: unknown) => void;
}

// As many as keep etcd busy. More would only wait there, and overrun their time in doing so.
const concurrentRequests = 256;
// Between two attempts when the first one failed at once.
const pauseMs = 100;

/**
 * Puts a session's transactions to etcd, and asks again while there is no answer.
 *
 * A request that was given up on may still be carried out, seconds later: of the writes
 * abandoned during a pause of the leader a third were (RELIABILITY, measured). So every
 * change compares the revision of the session's own key, the epoch. After a doubt the key
 * is put anew, which makes void whatever was sent before, and only then the next change is
 * sent.
 *
 * It also notices a store that went back in time, as after a restored snapshot: what the
 * whole cluster confirmed can't have a lower revision or term than what it confirmed before.
 */
export class Transactor {
  readonly #options: TransactorOptions;
  readonly #gate = new Gate(concurrentRequests);
  #epoch: bigint;
  /** Grows with every request that was given up on. */
  #doubts = 0;
  /** How many of those doubts were settled by a new epoch. */
  #settled = 0;
  #settling: Promise<void> | undefined;
  #confirmed: ResponseHeader;
  /** Why there was no answer when there was none last. */
  #silence: unknown;

  constructor(options: TransactorOptions) {
    this.#options = options;
    this.#epoch = options.put.revision;
    this.#confirmed = options.put;
  }

  /**
   * Carries out a change at most once, whatever gets lost on the way.
   *
   * @throws {StoreUnavailableError} when there was no answer in time. Then the change may have
   *   happened, or not; but once a later `commit` that is not harmless has answered, it won't
   *   happen any more. `onDoubt` is called for each attempt without an answer.
   */
  async commit(
    step: Step,
    waiting: Waiting = {},
    onDoubt: () => void = () => {},
  ): Promise<StepResult> {
    const giveUpAt = this.#giveUpAt(waiting);
    const own = { key: this.#options.key };
    let repeated = false;
    const noteDoubt = (): void => {
      this.#doubts++;
      repeated = true;
      onDoubt();
    };
    for (;;) {
      if (!step.isHarmless) await this.#settle(giveUpAt, waiting);
      const epoch = this.#epoch;
      const request: TxnRequest = {
        compare: [
          { ...own, target: "modRevision", result: "equal", operand: epoch },
          ...step.compare,
        ],
        success: step.success,
        failure: [{ op: "range", request: own }, ...step.otherwise],
      };
      const response = await this.#attempt(request, giveUpAt, waiting, noteDoubt);
      if (!response && step.isOnce && repeated) throw this.#silence;
      if (!response) continue;

      const { revision } = response.header;
      if (response.succeeded) return { ...response, revision, repeated };
      const [presence, ...responses] = response.responses;
      if (this.#readEpoch(presence) === epoch) {
        return { succeeded: false, responses, revision, repeated };
      }
    }
  }

  /** Asks something that may be asked any number of times, such as what the store holds. */
  async ask(request: TxnRequest, waiting: Waiting = {}): Promise<TxnResponse> {
    const giveUpAt = this.#giveUpAt(waiting);
    for (;;) {
      const response = await this.#attempt(request, giveUpAt, waiting);
      if (response) return response;
    }
  }

  /**
   * Asks the cluster whether the session is still there, and for what stands in `range` then. It
   * also finds out whether the store went back in time.
   */
  async confirm(range: KeyRange): Promise<readonly KeyValue[]> {
    const { key, lease } = this.#options;
    const { succeeded, responses } = await this.ask({
      compare: [{ key, target: "lease", result: "equal", operand: lease }],
      success: [{ op: "range", request: range }],
      failure: [throughConsensus(key)],
    });
    if (!succeeded) this.#options.onLost("revoked");
    const [found] = responses;
    return found?.op === "range" ? found.response.kvs : [];
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
      if (this.#settled < doubts && clock.now() + pauseMs >= giveUpAt) throw this.#silence;
    }
  }

  /** Begins a new epoch, so that no request of an older one can do anything any more. */
  async #renewEpoch(giveUpAt: number): Promise<void> {
    const { key, lease } = this.#options;
    const doubts = this.#doubts;
    const request: TxnRequest = {
      compare: [{ key, target: "lease", result: "equal", operand: lease }],
      success: [{ op: "put", request: { key, lease, value: new Uint8Array(), ignoreValue: true } }],
      failure: [{ op: "range", request: { key } }],
    };
    const response = await this.#attempt(request, giveUpAt, {});
    if (!response) return;
    if (response.succeeded) this.#epoch = response.header.revision;
    else this.#readEpoch(response.responses[0]);
    this.#settled = doubts;
  }

  /** The epoch as etcd has it, which may be ahead of ours by a change whose answer was lost. */
  #readEpoch(presence: ResponseOp | undefined): bigint {
    const own = presence?.op === "range" ? presence.response.kvs[0] : undefined;
    if (own?.lease !== this.#options.lease) {
      this.#options.onLost("revoked");
      throw new SessionGoneError();
    }
    if (own.modRevision > this.#epoch) this.#epoch = own.modRevision;
    return own.modRevision;
  }

  /** One attempt. Resolves with nothing if there was no answer and time is left for another. */
  async #attempt(
    request: TxnRequest,
    giveUpAt: number,
    { signal }: Waiting,
    onDoubt: () => void = () => {},
  ): Promise<TxnResponse | undefined> {
    const { etcd, clock, attemptMs } = this.#options;
    const askedAt = clock.now();
    let isSent = false;
    try {
      return await this.#gate.pass(async () => {
        signal?.throwIfAborted();
        const timeoutMs = Math.min(attemptMs, giveUpAt - clock.now());
        if (timeoutMs <= 0) throw tooManyAhead();
        isSent = true;
        const before = this.#confirmed;
        const response = await etcd.txn(request, { signal, timeoutMs });
        this.#witness(response.header, before);
        return response;
      });
    } catch (error) {
      const unanswered = error instanceof StoreUnavailableError;
      if (isSent && (unanswered || signal?.aborted)) onDoubt();
      if (!unanswered) throw await this.#translate(error, request);
      this.#silence = error;
      if (clock.now() + pauseMs >= giveUpAt) throw error;
      await sleep(clock, askedAt + pauseMs - clock.now(), signal);
      return undefined;
    }
  }

  async #translate(error: unknown, { success = [] }: TxnRequest): Promise<unknown> {
    if (!(error instanceof StoreError) || error.status !== "NOT_FOUND") return error;
    // "requested lease not found", but which one?
    const { key, lease } = this.#options;
    if (mentionsOtherLease(success, lease)) {
      const { succeeded } = await this.ask({
        compare: [{ key, target: "lease", result: "equal", operand: lease }],
        failure: [throughConsensus(key)],
      });
      // One that the caller named is the caller's affair; one of ours was granted too early.
      if (succeeded && !putsOnOtherLease(success, lease)) return error;
      if (succeeded) {
        return new StoreUnavailableError("A lease was over before it was of use", {
          status: "DEADLINE_EXCEEDED",
          cause: error,
        });
      }
    }
    this.#options.onLost("revoked", error);
    return new SessionGoneError({ cause: error });
  }

  #witness(header: ResponseHeader, before: ResponseHeader): void {
    // Only later requests count: answers of concurrent ones may overtake each other.
    if (header.revision < before.revision || header.raftTerm < before.raftTerm) {
      const error = new StoreError(
        "DATA_LOSS",
        `etcd went back from revision ${before.revision} to ${header.revision} (term ${before.raftTerm} to ${header.raftTerm}): was a snapshot restored?`,
        { code: "STORE_ROLLED_BACK" },
      );
      this.#options.onLost("rolled back", error);
      throw error;
    }
    if (header.revision > this.#confirmed.revision || header.raftTerm > this.#confirmed.raftTerm) {
      this.#confirmed = header;
    }
    this.#options.onHeader(header);
  }

  #giveUpAt({ timeoutMs = this.#options.callTimeoutMs }: Waiting): number {
    return this.#options.clock.now() + timeoutMs;
  }
}

function tooManyAhead(): StoreUnavailableError {
  return new StoreUnavailableError(
    "The request was not sent in time: too many were ahead of it, or this process did not run",
    {
      status: "DEADLINE_EXCEEDED",
    },
  );
}
