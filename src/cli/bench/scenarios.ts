import type { Locks } from "../../locks.ts";
import { Latencies, type Summary } from "./latencies.ts";

/** What is measured, for a while. */
export interface Scenario {
  readonly name: string;
  /** What one time is the time of. */
  readonly measures: string;
  readonly concurrency: number;
  /** Goes on until `isOver`, and records each time. Ends early when `signal` aborts. */
  run(record: (ms: number) => void, isOver: () => boolean): Promise<void>;
}

/** What came out. */
export interface Measurement extends Summary {
  readonly scenario: string;
  readonly measures: string;
  readonly concurrency: number;
  readonly seconds: number;
  readonly perSecond: number;
}

const contenders = 16;

/** All that is measured: `others` is a second client, with a connection of its own. */
export function scenariosOf(
  locks: Locks,
  other: Locks,
  concurrencies: readonly number[],
  signal: AbortSignal,
): readonly Scenario[] {
  return [
    ...concurrencies.map((concurrency) => free(locks, concurrency, signal)),
    contended(locks, signal),
    handOver(locks, other, signal),
  ];
}

/** Carries one out for some seconds. */
export async function measure(scenario: Scenario, seconds: number): Promise<Measurement> {
  const latencies = new Latencies();
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  await scenario.run(
    (ms) => latencies.record(ms),
    () => performance.now() >= endsAt,
  );
  const tookMs = performance.now() - startedAt;
  const summary = latencies.summary();
  const { name, measures, concurrency } = scenario;
  const perSecond = (summary.count / tookMs) * 1_000;
  return { scenario: name, measures, concurrency, seconds: tookMs / 1_000, perSecond, ...summary };
}

function free(locks: Locks, concurrency: number, signal: AbortSignal): Scenario {
  return {
    name: `free locks, ${concurrency} at a time`,
    measures:
      "from asking for a lock that nobody has until it is ours; each is released afterwards",
    concurrency,
    run: (record, isOver) =>
      together(concurrency, async (index) => {
        while (!isOver()) await takeTurn(locks, `free-${index}`, record, signal);
      }),
  };
}

function contended(locks: Locks, signal: AbortSignal): Scenario {
  return {
    name: `one lock, ${contenders} in this process want it`,
    measures: "from asking until it is ours, with all who come before",
    concurrency: contenders,
    run: (record, isOver) =>
      together(contenders, async () => {
        while (!isOver()) await takeTurn(locks, "contended", record, signal);
      }),
  };
}

function handOver(locks: Locks, other: Locks, signal: AbortSignal): Scenario {
  return {
    name: "one lock, between two clients",
    measures: "from the release in one until it is ours in the other, which waits",
    concurrency: 2,
    async run(record, isOver) {
      let hold = await locks.acquire("handed", { signal });
      for (let [next, last] = [other, locks]; !isOver(); [next, last] = [last, next]) {
        let isWaiting = (): void => {};
        const waiting = new Promise<void>((resolve) => {
          isWaiting = resolve;
        });
        const acquiring = next.acquire("handed", { signal, onWait: () => isWaiting() });
        await Promise.race([waiting, acquiring]);
        const releasedAt = performance.now();
        const [handed] = await Promise.all([acquiring, hold.release()]);
        record(performance.now() - releasedAt);
        hold = handed;
      }
      await hold.release();
    },
  };
}

async function takeTurn(
  locks: Locks,
  name: string,
  record: (ms: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const askedAt = performance.now();
  const hold = await locks.acquire(name, { signal });
  record(performance.now() - askedAt);
  await hold.release();
}

async function together(count: number, work: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}
