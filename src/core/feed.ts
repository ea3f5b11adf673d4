import { type Clock, stayAwake } from "../clock.ts";
import { onAbort } from "../signals.ts";

/** How a feed ends. */
export interface FeedOptions {
  readonly clock: Clock;
  /** Ends it with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Ends it as if all had been told. */
  readonly closed: AbortSignal;
  /** Called once it has ended, however it did: stops what feeds it. */
  onEnd(): void;
}

/**
 * What happens, one after another, for a `for await`: it is kept until somebody asks for it.
 * One reader is fed by it.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #ready: T[] = [];
  readonly #stops: (() => void)[] = [];
  readonly #onEnd: () => void;
  #asking: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] =
    [];
  readonly #clock: Clock;
  #stopStaying: () => void = () => {};
  #end: { error: unknown } | "done" | undefined;

  constructor({ clock, signal, closed, onEnd }: FeedOptions) {
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#stops.push(onAbort(closed, () => this.finish()));
    // Nobody would stop listening once it has ended.
    if (signal && !this.#end) this.#stops.push(onAbort(signal, () => this.fail(signal.reason)));
  }

  /** How much waits for somebody to ask. */
  get size(): number {
    return this.#ready.length;
  }

  /** Feeds one more. */
  push(value: T): void {
    if (this.#end) return;
    const asking = this.#asking.shift();
    if (this.#asking.length === 0) this.#stopStaying();
    if (asking) asking.resolve({ value, done: false });
    else this.#ready.push(value);
  }

  /** Forgets what waits, since what follows makes it void. */
  skip(): void {
    this.#ready.length = 0;
  }

  /** There will be no more. */
  finish(): void {
    this.#close("done");
  }

  /** What comes next cannot be told. What waits is told before. */
  fail(error: unknown): void {
    this.#close({ error });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#ready.length > 0) {
      return Promise.resolve({ value: this.#ready.shift() as T, done: false });
    }
    if (this.#end) {
      const end = this.#end;
      // An error is told once.
      this.#end = "done";
      return end === "done"
        ? Promise.resolve({ value: undefined, done: true })
        : Promise.reject(end.error);
    }
    if (this.#asking.length === 0) this.#stopStaying = stayAwake(this.#clock);
    return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<T>> {
    this.#ready.length = 0;
    this.#close("done");
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #close(end: { error: unknown } | "done"): void {
    if (this.#end) return;
    this.#stopStaying();
    const [first, ...others] = this.#asking.splice(0);
    // Whoever asks already hears of it at once, and of an error only one does.
    this.#end = first ? "done" : end;
    if (end === "done") first?.resolve({ value: undefined, done: true });
    else first?.reject(end.error);
    for (const { resolve } of others) resolve({ value: undefined, done: true });
    for (const stop of this.#stops.splice(0)) stop();
    this.#onEnd();
  }
}
