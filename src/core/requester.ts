import { type Clock, sleep } from "../clock.ts";
import { type LossReason, StoreError, StoreUnavailableError } from "../errors.ts";
import type { Etcd, RequestOp, ResponseHeader, TxnRequest, TxnResponse } from "../etcd/api.ts";
import { Gate } from "./gate.ts";
import { Unanswered } from "./unanswered.ts";

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

/** What a requester works on. */
export interface RequesterOptions {
  readonly etcd: Etcd;
  readonly clock: Clock;
  /** How long one attempt may take before it is given up and made anew. */
  readonly attemptMs: number;
  /** How long a call goes on making attempts, unless it says otherwise. */
  readonly callTimeoutMs: number;
  /** The answer to the last request that the whole cluster confirmed. */
  readonly confirmed: ResponseHeader;
  readonly onHeader: (header: ResponseHeader) => void;
  readonly onLost: (reason: LossReason, cause?: unknown) => void;
  /**
   * What finds out whether etcd answers: a write, which a member keeps for the next leader. To a read
   * that it got too early it may answer half a second after that one's election.
   */
  readonly probe: () => RequestOp;
  /** What a refusal means. */
  readonly translate: (error: unknown, request: TxnRequest) => Promise<unknown>;
}

// As many as keep etcd busy. More would only wait there, and overrun their time in doing so.
const concurrentRequests = 256;
/** Between two attempts when the first one failed at once. */
export const pauseMs = 100;

/**
 * Puts transactions to etcd, and asks again while there is no answer.
 *
 * It also notices a store that went back in time, as after a restored snapshot: what the
 * whole cluster confirmed can't have a lower revision or term than what it confirmed before.
 */
export class Requester {
  readonly #options: RequesterOptions;
  readonly #gate = new Gate(concurrentRequests);
  readonly #unanswered: Unanswered;
  #confirmed: ResponseHeader;
  /** Why there was no answer when there was none last. */
  #silence: unknown;

  constructor(options: RequesterOptions) {
    this.#options = options;
    const { clock, confirmed } = options;
    this.#confirmed = confirmed;
    this.#unanswered = new Unanswered(clock, confirmed.raftTerm, (signal) => this.#probe(signal));
  }

  /** What the whole cluster has confirmed last: no later answer can have a lower revision or term. */
  get seen(): ResponseHeader {
    return this.#confirmed;
  }

  /** Why there was no answer when there was none last. */
  get silence(): unknown {
    return this.#silence;
  }

  /** Asks something that may be asked any number of times, such as what the store holds. */
  async ask(request: TxnRequest, waiting: Waiting = {}): Promise<TxnResponse> {
    const giveUpAt = this.giveUpAt(waiting);
    for (;;) {
      const response = await this.attempt(request, giveUpAt, waiting);
      if (response) return response;
    }
  }

  /** One attempt. Resolves with nothing if there was no answer and time is left for another. */
  async attempt(
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
        if (timeoutMs <= 0) throw notSentInTime();
        isSent = true;
        const before = this.#confirmed;
        const send = () => etcd.txn(request, { signal, timeoutMs });
        const response = await this.#unanswered.wait(send);
        this.#witness(response.header, before);
        return response;
      });
    } catch (error) {
      const unanswered = error instanceof StoreUnavailableError;
      if (isSent && (unanswered || signal?.aborted)) onDoubt();
      if (!unanswered) throw await this.#options.translate(error, request);
      this.#silence = error;
      if (clock.now() + pauseMs >= giveUpAt) throw error;
      await sleep(clock, askedAt + pauseMs - clock.now(), signal);
      return undefined;
    }
  }

  /** Finds out whether etcd answers. Nobody waits for it. */
  async #probe(signal: AbortSignal): Promise<ResponseHeader> {
    const { etcd, attemptMs: timeoutMs, probe, onHeader } = this.#options;
    const call = { signal, timeoutMs, keepsProcessAlive: false };
    const { header } = await etcd.txn({ success: [probe()] }, call);
    onHeader(header);
    return header;
  }

  #witness(header: ResponseHeader, before: ResponseHeader): void {
    // Only later requests count: answers of concurrent ones may overtake each other.
    if (header.revision < before.revision || header.raftTerm < before.raftTerm) {
      const error = rolledBack(before, header);
      this.#options.onLost("rolled back", error);
      throw error;
    }
    if (header.revision > this.#confirmed.revision || header.raftTerm > this.#confirmed.raftTerm) {
      this.#confirmed = header;
    }
    this.#options.onHeader(header);
  }

  /** Until when a call goes on. */
  giveUpAt({ timeoutMs = this.#options.callTimeoutMs }: Waiting): number {
    return this.#options.clock.now() + timeoutMs;
  }
}

/** What a request ends with that never went out. */
export function notSentInTime(): StoreUnavailableError {
  return new StoreUnavailableError(
    "The request was not sent in time: too many were ahead of it, or this process did not run",
    {
      status: "DEADLINE_EXCEEDED",
    },
  );
}

/** What it comes to when a lease ended between its grant and its first use, as for a process that was stopped. */
export function overTooSoon(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError("A lease was over before it was of use", {
    status: "DEADLINE_EXCEEDED",
    cause,
  });
}

/** What it comes to when etcd went back in time. */
export function rolledBack(before: ResponseHeader, now: ResponseHeader): StoreError {
  return new StoreError(
    "DATA_LOSS",
    `etcd went back from revision ${before.revision} to ${now.revision} (term ${before.raftTerm} to ${now.raftTerm}): was a snapshot restored? Its fencing tokens would be given out twice: restore with --bump-revision and --mark-compacted, or start this process anew once whatever checks the tokens takes smaller ones`,
    { code: "STORE_ROLLED_BACK" },
  );
}
