import type { Clock } from "../clock.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { ResponseHeader } from "../etcd/api.ts";

// A member that lost its leader answers what it got before the next one was elected after 7 seconds,
// if ever, but what it gets after that at once: so it is asked anew this often whether it can. No sooner
// than after twice what an answer takes, though: a slow etcd is not to be asked everything twice.
const probeMs = 100;

interface Attempt {
  readonly sentAt: number;
  readonly giveUp: (error: Error) => void;
}

/**
 * The requests that are not answered yet. When none is for a while, `probe` is sent along; and once
 * something is answered in a later term than before, those that were sent earlier are given up: they
 * were caught between two leaders.
 */
export class Unanswered {
  readonly #clock: Clock;
  readonly #probe: (signal: AbortSignal) => Promise<ResponseHeader>;
  /** The probes that are under way. */
  readonly #probing = new Set<AbortController>();
  /** In the order in which they were sent. */
  readonly #attempts = new Set<Attempt>();
  #raftTerm: bigint;
  #heardAt = 0;
  /** How long the quickest answer took. */
  #quickestMs: number | undefined;
  #cancelTimer: () => void = () => {};

  constructor(
    clock: Clock,
    raftTerm: bigint,
    probe: (signal: AbortSignal) => Promise<ResponseHeader>,
  ) {
    this.#clock = clock;
    this.#raftTerm = raftTerm;
    this.#probe = probe;
  }

  /** Settles as the answer to a request does, which is sent now, or rejects when that is given up. */
  wait<T extends { readonly header: ResponseHeader }>(send: () => Promise<T>): Promise<T> {
    const sentAt = this.#clock.now();
    return new Promise<T>((resolve, reject) => {
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      const attempt: Attempt = { sentAt, giveUp: fail };
      if (this.#attempts.size === 0) {
        this.#heardAt = sentAt;
        this.#arm();
      }
      this.#attempts.add(attempt);
      const settle = (): void => {
        this.#attempts.delete(attempt);
        if (this.#attempts.size > 0) return;
        this.#cancelTimer();
        for (const probe of this.#probing) probe.abort();
      };
      const sending = async (): Promise<T> => send();
      sending().then((answer) => {
        settle();
        resolve(answer);
        const tookMs = this.#clock.now() - sentAt;
        this.#quickestMs = Math.min(tookMs, this.#quickestMs ?? tookMs);
        this.#hear(answer.header, sentAt);
      }, fail);
    });
  }

  #hear({ raftTerm }: ResponseHeader, sentAt: number): void {
    this.#heardAt = this.#clock.now();
    if (raftTerm <= this.#raftTerm) return;
    this.#raftTerm = raftTerm;
    for (const attempt of [...this.#attempts]) {
      if (attempt.sentAt >= sentAt) break;
      attempt.giveUp(
        new StoreUnavailableError("etcd has another leader since the request was sent", {
          status: "DEADLINE_EXCEEDED",
        }),
      );
    }
  }

  #ask(sentAt: number): void {
    const probe = new AbortController();
    this.#probing.add(probe);
    this.#probe(probe.signal)
      .then(
        (header) => this.#hear(header, sentAt),
        () => {},
      )
      .finally(() => this.#probing.delete(probe));
  }

  #arm(): void {
    const everyMs = Math.max(probeMs, 2 * (this.#quickestMs ?? 0));
    const leftMs = this.#heardAt + everyMs - this.#clock.now();
    this.#cancelTimer = this.#clock.setTimer(
      // Whole ones: after less than one it might not be time yet, for ever.
      leftMs > 0 ? Math.ceil(leftMs) : everyMs,
      () => {
        const now = this.#clock.now();
        if (now - this.#heardAt >= everyMs) this.#ask(now);
        this.#arm();
      },
      { keepsProcessAlive: false },
    );
  }
}
