import type { Watch, WatchEvent, WatchObserver, WatchRequest } from "../api.ts";

/**
 * One watch, over all streams that it lives on. It knows from where to go on, so that nothing
 * is left out and nothing comes twice.
 */
export class WatchState implements Watch {
  readonly #request: WatchRequest;
  readonly #observer: WatchObserver;
  readonly #onClose: (watch: WatchState) => void;
  /** The first revision not yet delivered; undefined as long as the watch never stood. */
  #resumeRevision: bigint | undefined;
  #isOver = false;
  /** Whether a refusal already made us sign in anew on its behalf. */
  hasSignedIn = false;

  constructor(
    request: WatchRequest,
    observer: WatchObserver,
    onClose: (watch: WatchState) => void,
  ) {
    this.#request = request;
    this.#observer = observer;
    this.#onClose = onClose;
    this.#resumeRevision = request.startRevision || undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What to ask for, now. */
  get request(): WatchRequest {
    return { ...this.#request, startRevision: this.#resumeRevision };
  }

  /** It stands, at the server's `revision`. */
  create(revision: bigint): void {
    this.hasSignedIn = false;
    this.#resumeRevision ??= revision + 1n;
    this.#notify(() => this.#observer.onCreated?.(revision));
  }

  /** Delivers what is new. Some servers repeat themselves, or begin too early. */
  deliver(events: readonly WatchEvent[]): void {
    const from = this.#resumeRevision ?? 0n;
    const first = events[0];
    const last = events[events.length - 1];
    if (!first || !last || last.kv.modRevision < from) return;
    const isNew = first.kv.modRevision >= from;
    const fresh = isNew ? events : events.filter(({ kv }) => kv.modRevision >= from);
    this.#resumeRevision = last.kv.modRevision + 1n;
    this.#notify(() => this.#observer.onEvents(fresh));
  }

  /** Ends it for good. */
  end(error: Error): void {
    this.#notify(() => {
      this.#isOver = true;
      this.#observer.onEnd(error);
    });
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onClose(this);
  }

  // What an observer throws goes uncaught, but must not stop what comes after it.
  #notify(tell: () => void): void {
    if (this.#isOver) return;
    try {
      tell();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
