import type { Clock } from "../../clock.ts";
import {
  ClosedError,
  CompactedError,
  StoreDeniedError,
  StoreUnavailableError,
} from "../../errors.ts";
import type { WatchEvent, WatchObserver, WatchRequest } from "../api.ts";
import type { Etcd3Stream, RawEtcd3, WatchAnswer, WatchMessage } from "./client.ts";
import { translateCancelReason, translateError } from "./errors.ts";
import { fromEvent, toWatch } from "./messages.ts";

type Stream = Etcd3Stream<WatchMessage, WatchAnswer>;

// Etcd may leave a request for a watch without an answer.
const createTimeoutMs = 5_000;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

/**
 * One watch on a stream of its own. It goes on over reconnections, from the revision after
 * the last one that it told of.
 *
 * Not the package's own `client.watch()`: that keeps to itself at which revision etcd has
 * compacted, and rounds revisions beyond 2^53.
 */
export class Etcd3Watch {
  readonly #client: RawEtcd3;
  readonly #clock: Clock;
  readonly #request: WatchRequest;
  readonly #observer: WatchObserver;
  #stream: Stream | undefined;
  #nextRevision: bigint | undefined;
  #failures = 0;
  #cancelTimer: () => void = () => {};
  #over = false;

  constructor(client: RawEtcd3, clock: Clock, request: WatchRequest, observer: WatchObserver) {
    this.#client = client;
    this.#clock = clock;
    this.#request = request;
    this.#observer = observer;
    this.#nextRevision = request.startRevision;
    // Not at once: nothing is told before whoever watches has the watch in hand.
    queueMicrotask(() => void this.#open());
  }

  /** Ends it: nothing is called afterwards. */
  close(): void {
    this.#over = true;
    this.#cancelTimer();
    this.#drop();
  }

  /** Ends it for a reason that the observer gets to know. */
  end(error: Error): void {
    if (this.#over) return;
    this.close();
    queueMicrotask(() => this.#observer.onEnd(error));
  }

  async #open(): Promise<void> {
    if (this.#over) return;
    try {
      const stream = await this.#client.watchClient.watch();
      // For as long as the stream lives: an error that nobody listens to would be thrown.
      stream.on("error", (error) => this.#failed(stream, error));
      if (this.#over) return discard(stream);
      this.#stream = stream;
      stream.on("end", () =>
        this.#failed(stream, new StoreUnavailableError("The watch was cut off")),
      );
      stream.on("data", (answer) => this.#received(stream, answer));
      stream.write(toWatch(this.#request, this.#nextRevision));
      this.#cancelTimer = this.#clock.setTimer(
        createTimeoutMs,
        () => this.#failed(stream, new StoreUnavailableError("No answer to a watch")),
        { keepsProcessAlive: false },
      );
    } catch (error) {
      this.#failed(undefined, error);
    }
  }

  #received(stream: Stream, answer: WatchAnswer): void {
    if (this.#over || stream !== this.#stream) return;
    if (answer.canceled) this.#cancelled(stream, answer);
    else if (answer.created) this.#created(BigInt(answer.header.revision));
    else this.#happened(answer.events.map(fromEvent));
  }

  #created(revision: bigint): void {
    this.#cancelTimer();
    this.#failures = 0;
    // So that nothing is missed if the stream breaks before the first event.
    this.#nextRevision ??= revision + 1n;
    this.#observer.onCreated?.(revision);
  }

  #happened(all: readonly WatchEvent[]): void {
    // Old servers may repeat themselves after a reconnection.
    const from = this.#nextRevision ?? 0n;
    const events = all.filter(({ kv }) => kv.modRevision >= from);
    const last = events.at(-1);
    if (!last) return;
    this.#nextRevision = last.kv.modRevision + 1n;
    this.#observer.onEvents(events);
  }

  #cancelled(stream: Stream, { compact_revision, cancel_reason, created }: WatchAnswer): void {
    const compactRevision = BigInt(compact_revision);
    const error =
      compactRevision > 0n
        ? new CompactedError(compactRevision)
        : translateCancelReason(cancel_reason, created);
    if (error instanceof StoreUnavailableError) this.#failed(stream, error);
    else this.#endNow(error);
  }

  /** The stream broke. Another one takes its place, unless that would be in vain. */
  #failed(stream: Stream | undefined, cause: unknown): void {
    if (this.#over || stream !== this.#stream) return;
    this.#cancelTimer();
    this.#drop();
    const error = translateError(cause);
    if (error instanceof ClosedError || error instanceof StoreDeniedError) {
      this.#endNow(error);
      return;
    }
    const delayMs = Math.min(firstRetryMs * 2 ** this.#failures, longestRetryMs);
    this.#failures += 1;
    this.#cancelTimer = this.#clock.setTimer(delayMs, () => void this.#open(), {
      keepsProcessAlive: false,
    });
  }

  #endNow(error: Error): void {
    this.close();
    this.#observer.onEnd(error);
  }

  #drop(): void {
    const stream = this.#stream;
    // First, so that the error with which it ends counts no more.
    this.#stream = undefined;
    if (stream) discard(stream);
  }
}

/** The client takes a cancelled stream for a fault of the host, unless it was ended before. */
function discard(stream: Stream): void {
  stream.end();
  stream.cancel();
}
