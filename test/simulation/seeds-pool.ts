import { Worker } from "node:worker_threads";
import { type Failure, type Portion, shared } from "./seeds-worker.ts";

/** Which seeds to run, and how. */
export interface PoolOptions {
  /** The file that a worker runs. */
  readonly script: URL;
  readonly first: number;
  readonly seeds: number;
  readonly workers: number;
  /** After how many failures it ends. */
  readonly failures: number;
  readonly onFailure: (failure: Failure) => void;
}

interface Member {
  readonly worker: Worker;
  readonly counts: Int32Array;
  portion: Portion;
  /** What it was at when somebody looked last, and since when. */
  seen: { readonly ran: number; readonly at: number };
}

// So many are done within a second or two, and few are left to the last one.
const largestPortion = 100;
/** A seed takes milliseconds: one that takes so long goes round in circles. */
const circlesMs = 60_000;
const lookMs = 1_000;

/** Runs seeds in worker threads. */
export class SeedsPool {
  readonly #options: PoolOptions;
  readonly #members = new Set<Member>();
  /** What is left of portions whose worker had to be ended. */
  readonly #cutShort: Portion[] = [];
  #next: number;
  #ranBefore = 0;
  #failed = 0;
  #end: (error?: Error) => void = () => {};

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#next = options.first;
  }

  get ran(): number {
    let ran = this.#ranBefore;
    for (const { counts } of this.#members) ran += Atomics.load(counts, shared.ran);
    return ran;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Resolves when all seeds have been run, or enough of them have failed. */
  async run(): Promise<void> {
    const looking = setInterval(() => this.#look(), lookMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#end = (error) => (error ? reject(error) : resolve());
        for (let index = 0; index < this.#options.workers; index++) this.#open();
      });
    } finally {
      clearInterval(looking);
      await Promise.all([...this.#members].map((member) => this.#close(member)));
    }
  }

  #open(): void {
    const portion = this.#draw();
    if (!portion) {
      if (this.#members.size === 0) this.#end();
      return;
    }
    const buffer = new SharedArrayBuffer(4 * shared.length);
    const worker = new Worker(this.#options.script, {
      workerData: buffer,
      // What a seed leaves behind is garbage as a whole.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    });
    const counts = new Int32Array(buffer);
    const member = { worker, counts, portion, seen: { ran: 0, at: performance.now() } };
    this.#members.add(member);
    worker.on("message", (failure?: Failure) => {
      if (failure) this.#fail(failure);
      else this.#goOn(member);
    });
    worker.on("error", (error) => this.#end(error));
    worker.postMessage(portion);
  }

  #goOn(member: Member): void {
    const portion = this.#draw();
    if (portion) {
      member.portion = portion;
      member.worker.postMessage(portion);
    } else {
      void this.#close(member);
      if (this.#members.size === 0) this.#end();
    }
  }

  #draw(): Portion | undefined {
    const cutShort = this.#cutShort.shift();
    if (cutShort) return cutShort;
    const { first, seeds, workers } = this.#options;
    const left = first + seeds - this.#next;
    if (left <= 0) return undefined;
    const count = Math.min(largestPortion, Math.ceil(left / workers / 4));
    const portion = { first: this.#next, count };
    this.#next += count;
    return portion;
  }

  #fail(failure: Failure): void {
    if (this.#failed >= this.#options.failures) return;
    this.#failed += 1;
    this.#options.onFailure(failure);
    if (this.#failed >= this.#options.failures) this.#end();
  }

  /** Ends those that go round in circles. */
  #look(): void {
    const now = performance.now();
    for (const member of this.#members) {
      const ran = Atomics.load(member.counts, shared.ran);
      if (ran !== member.seen.ran) member.seen = { ran, at: now };
      if (now - member.seen.at < circlesMs) continue;
      const at = Math.max(1, Atomics.load(member.counts, shared.atWork)) - 1;
      const seed = member.portion.first + at;
      const left = member.portion.count - at - 1;
      if (left > 0) this.#cutShort.push({ first: seed + 1, count: left });
      void this.#close(member);
      this.#ranBefore += 1;
      this.#fail({ seed, violations: [`It did not end within ${circlesMs / 1_000} seconds`] });
      this.#open();
    }
  }

  async #close(member: Member): Promise<void> {
    if (!this.#members.delete(member)) return;
    this.#ranBefore += Atomics.load(member.counts, shared.ran);
    await member.worker.terminate();
  }
}
