import { within } from "../clock.ts";
import { ClosedError } from "../errors.ts";
import type { Etcd, TxnRequest, TxnResponse } from "../etcd/api.ts";
import { abortable } from "../signals.ts";
import { Queue } from "./queue.ts";
import type { Waiting } from "./requester.ts";
import { Session, type SessionOptions } from "./session.ts";
import { UnderWay } from "./under-way.ts";

/**
 * A client's session, opened anew when it was lost, and the queues that it stands in.
 */
export class Sessions {
  readonly etcd: Etcd;
  readonly options: SessionOptions;
  readonly #queues = new Map<string, Queue>();
  readonly #closed = new AbortController();
  readonly #runs = new UnderWay();
  #current: Promise<Session> | undefined;
  #session: Session | undefined;
  #closing: Promise<void> | undefined;

  /** Aborts when the client is being closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  constructor(etcd: Etcd, options: SessionOptions) {
    this.etcd = etcd;
    this.options = options;
  }

  /** The session, or a fresh one if there is none or it was lost. */
  async session(signal?: AbortSignal | undefined): Promise<Session> {
    signal?.throwIfAborted();
    if (this.#closing) throw new ClosedError();
    if (this.#session && !this.#session.loss) return this.#session;
    this.#current ??= this.#open();
    return abortable(this.#current, signal);
  }

  /** The queues for some locks, in one session. All who ask for them in this client share them. */
  async queues(
    names: readonly string[],
    signal?: AbortSignal | undefined,
  ): Promise<readonly Queue[]> {
    const session = await this.session(signal);
    // It was closed while we waited for that: the session has told everybody, but for us.
    if (this.#closing) throw new ClosedError();
    return names.map((name) => this.#queue(session, name));
  }

  #queue(session: Session, name: string): Queue {
    const known = this.#queues.get(name);
    if (known?.session === session) return known;
    const queue = new Queue(session, name, () => {
      if (this.#queues.get(name) === queue) this.#queues.delete(name);
    });
    this.#queues.set(name, queue);
    return queue;
  }

  /** Asks what may be asked any number of times, in whatever session there is. */
  async ask(request: TxnRequest, waiting?: Waiting): Promise<TxnResponse> {
    const session = await this.session(waiting?.signal);
    return session.ask(request, waiting);
  }

  /** Counts work that `close` waits for. */
  track<T>(run: Promise<T>): Promise<T> {
    return this.#runs.add(run);
  }

  /**
   * Aborts the holds, sends the waiters away, waits for the work under way for up to one
   * TTL, and ends the session, which releases what is left. Closing twice does nothing.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed.abort(new ClosedError());
    const session = (await this.#current?.catch(() => undefined)) ?? this.#session;
    session?.announceClose();
    await within(this.options.clock, this.options.ttlMs, this.#runs.settled());
    await session?.close();
  }

  async #open(): Promise<Session> {
    const lost = this.#session;
    try {
      // Nothing of a lost session comes back. Its end is not waited for.
      void lost?.close();
      // Who connects wants to know at once that nobody is there; who worked, to go on working.
      // Tokens must not be given out again by an etcd that went back in time.
      const seen = lost?.seen;
      const opening = { patient: lost !== undefined, signal: this.#closed.signal, seen };
      this.#session = await Session.open(this.etcd, this.options, opening);
      return this.#session;
    } finally {
      this.#current = undefined;
    }
  }
}
