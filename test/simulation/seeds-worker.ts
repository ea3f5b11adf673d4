import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { drawPlan } from "./plan.ts";
import { runPlan } from "./run-plan.ts";

/** What a worker shares with whoever looks on: 32-bit numbers, by their index. */
export const shared = { ran: 0, atWork: 1, length: 2 } as const;

/** What a worker is told: some seeds to run, one after the other. */
export interface Portion {
  readonly first: number;
  readonly count: number;
}

/** What it answers: a seed that failed; nothing of one says that the portion is done. */
export interface Failure {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Runs portions of seeds in a worker thread, for as long as it lives. */
export function work(): void {
  const port = parentPort as MessagePort;
  const counts = new Int32Array(workerData as SharedArrayBuffer);
  // Errors are thrown all the time, and their traces take longer than all else about them.
  Error.stackTraceLimit = 0;
  port.on("message", async ({ first, count }: Portion) => {
    for (let index = 0; index < count; index++) {
      Atomics.store(counts, shared.atWork, index + 1);
      const { violations } = await runPlan(drawPlan(first + index));
      Atomics.add(counts, shared.ran, 1);
      if (violations.length > 0) {
        port.postMessage({ seed: first + index, violations } satisfies Failure);
      }
    }
    Atomics.store(counts, shared.atWork, 0);
    port.postMessage(undefined);
  });
}
