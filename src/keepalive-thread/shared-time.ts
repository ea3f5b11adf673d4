const microseconds = 1_000;

/**
 * A moment on the clock that all threads go by, in memory that they share: one
 * writes it, and others read it at once, even while nothing else of theirs runs.
 */
export class SharedTime {
  readonly buffer: SharedArrayBuffer;
  readonly #cell: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#cell = new BigInt64Array(buffer);
  }

  /** In milliseconds. */
  get ms(): number {
    return Number(Atomics.load(this.#cell, 0)) / microseconds;
  }

  set ms(ms: number) {
    // Rounded down: nobody is to believe for longer.
    Atomics.store(this.#cell, 0, BigInt(Math.floor(ms * microseconds)));
  }
}
