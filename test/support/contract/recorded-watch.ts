import assert from "node:assert/strict";
import type {
  Etcd,
  Watch,
  WatchEvent,
  WatchObserver,
  WatchRequest,
} from "../../../src/etcd/api.ts";

const patienceMs = 5_000;

/** A watch that remembers what it was told, and waits to be told enough. */
export class RecordedWatch implements WatchObserver {
  /** The revisions at which the watch came to stand. */
  readonly created: bigint[] = [];
  /** What came in each call. */
  readonly calls: (readonly WatchEvent[])[] = [];
  readonly errors: Error[] = [];
  readonly #watch: Watch;
  #isOpened = false;
  #wake = (): void => {};

  constructor(etcd: Etcd, request: WatchRequest) {
    this.#watch = etcd.watch(request, this);
    this.#isOpened = true;
  }

  get events(): readonly WatchEvent[] {
    return this.calls.flat();
  }

  onCreated(revision: bigint): void {
    this.#note(() => this.created.push(revision));
  }

  onEvents(events: readonly WatchEvent[]): void {
    this.#note(() => this.calls.push(events));
  }

  onEnd(error: Error): void {
    this.#note(() => this.errors.push(error));
  }

  /** Waits until the watch stands. */
  async standing(): Promise<bigint> {
    await this.#until(() => this.created.length > 0, "the watch to stand");
    return this.created[0] ?? 0n;
  }

  /** Waits for that many events, and gives them time to be too many. */
  async have(count: number): Promise<readonly WatchEvent[]> {
    await this.#until(() => this.events.length >= count, `${count} events`);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(this.events.length, count, "more events than expected");
    return this.events;
  }

  /** Waits for the end. */
  async ended(): Promise<Error> {
    await this.#until(() => this.errors.length > 0, "the end of the watch");
    assert.equal(this.errors.length, 1, "more than one end");
    return this.errors[0] ?? new Error("no error");
  }

  close(): void {
    this.#watch.close();
  }

  #note(keep: () => void): void {
    assert.ok(this.#isOpened, "called before watch() returned");
    keep();
    this.#wake();
  }

  async #until(isEnough: () => boolean, what: string): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    while (!isEnough()) {
      if (this.errors.length > 0) throw this.errors[0];
      const leftMs = giveUpAt - performance.now();
      assert.ok(leftMs > 0, `waited in vain for ${what}; had ${this.events.length} events`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
