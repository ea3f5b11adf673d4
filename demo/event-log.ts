import type { DemoEvent, DirectorEvent, ReplicaEvent } from "./events.ts";
import { advance, noProgress, type Progress } from "./progress.ts";

/** Told of an event, with what was known before and after it. */
export type Listener = (event: DemoEvent, before: Progress, after: Progress) => void;

/** All that happens, in the order in which the demo hears of it. */
export class EventLog {
  readonly #listeners = new Set<Listener>();
  readonly #beganAt = performance.now();
  #progress: Progress = noProgress;

  get progress(): Progress {
    return this.#progress;
  }

  get elapsedMs(): number {
    return performance.now() - this.#beganAt;
  }

  add(replica: string, what: ReplicaEvent | DirectorEvent): void {
    const event: DemoEvent = { ...what, replica, atMs: this.elapsedMs };
    const before = this.#progress;
    this.#progress = advance(before, event);
    for (const listener of [...this.#listeners]) listener(event, before, this.#progress);
  }

  /** Returns the function that ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The next event that `matches`, or undefined if there is none within `waitMs`.
   *
   * @throws the signal's reason.
   */
  next(
    matches: (event: DemoEvent) => boolean,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<DemoEvent | undefined> {
    return new Promise((resolve, reject) => {
      const end = (outcome: () => void): void => {
        stopListening();
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        outcome();
      };
      const onAbort = (): void => end(() => reject(signal.reason));
      const timer = setTimeout(() => end(() => resolve(undefined)), waitMs);
      const stopListening = this.listen((event) => {
        if (matches(event)) end(() => resolve(event));
      });
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
    });
  }
}
