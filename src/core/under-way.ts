/** What is under way, so that whoever closes can wait for it. */
export class UnderWay {
  readonly #all = new Set<Promise<void>>();

  /** Counts a promise until it settles, and returns it. */
  add<T>(promise: Promise<T>): Promise<T> {
    const forget = (): void => void this.#all.delete(settled);
    const settled: Promise<void> = promise.then(forget, forget);
    this.#all.add(settled);
    return promise;
  }

  /** Resolves when all that is under way now has settled, however it did. */
  async settled(): Promise<void> {
    await Promise.all(this.#all);
  }
}
