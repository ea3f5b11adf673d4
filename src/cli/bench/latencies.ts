import { createHistogram } from "node:perf_hooks";

/** How many took at most so long, in milliseconds, and longer than the bucket before. */
export interface Bucket {
  readonly upToMs: number;
  readonly count: number;
}

/** What many times come to, in milliseconds. */
export interface Summary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly buckets: readonly Bucket[];
}

const steps = [1, 2, 5];
const boundsMs = [-2, -1, 0, 1, 2, 3, 4].flatMap((power) =>
  steps.map((step) => step * 10 ** power),
);

/** Keeps times, a few bytes for however many there are. */
export class Latencies {
  readonly #microseconds = createHistogram();
  readonly #counts: number[] = Array(boundsMs.length + 1).fill(0);

  record(ms: number): void {
    this.#microseconds.record(Math.max(1, Math.round(ms * 1_000)));
    const found = boundsMs.findIndex((bound) => ms <= bound);
    const index = found < 0 ? boundsMs.length : found;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  summary(): Summary {
    const all = this.#microseconds;
    const count = this.#counts.reduce((sum, each) => sum + each, 0);
    const ms = (microseconds: number): number => (count === 0 ? 0 : microseconds / 1_000);
    const first = this.#counts.findIndex((each) => each > 0);
    const last = this.#counts.findLastIndex((each) => each > 0);
    const buckets = this.#counts.map((each, index) => ({
      upToMs: boundsMs[index] ?? Number.POSITIVE_INFINITY,
      count: each,
    }));
    return {
      count,
      meanMs: ms(all.mean),
      p50Ms: ms(all.percentile(50)),
      p90Ms: ms(all.percentile(90)),
      p99Ms: ms(all.percentile(99)),
      maxMs: ms(all.max),
      buckets: first < 0 ? [] : buckets.slice(first, last + 1),
    };
  }
}
