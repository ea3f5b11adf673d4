import { availableParallelism } from "node:os";
import { isMainThread } from "node:worker_threads";
import { tellSmallest } from "./failing.ts";
import { parseOptions, type SimulateOptions, UsageError } from "./options.ts";
import { drawPlan, type Plan } from "./plan.ts";
import { readPlan } from "./plan-file.ts";
import { startProgress } from "./progress.ts";
import { runPlan } from "./run-plan.ts";
import { SeedsPool } from "./seeds-pool.ts";
import { type Failure, work } from "./seeds-worker.ts";

// As shells have it for what Ctrl-C ended.
const interrupted = 130;

if (isMainThread) await simulate(process.argv.slice(2));
else work();

async function simulate(args: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(args, availableParallelism());
    const { seed, plan } = options;
    if (plan !== undefined) await runOne(readPlan(plan), `--plan ${plan}`);
    else if (seed !== undefined) await runOne(drawPlan(seed), `--seed ${seed}`);
    else await runMany(options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`simulate: ${error.message}`);
    process.exitCode = 2;
  }
}

async function runOne(plan: Plan, again: string): Promise<void> {
  console.log(JSON.stringify(plan, undefined, 1));
  const { violations, hash } = await runPlan(plan);
  const outcome =
    violations.length > 0 ? `fails:\n${violations.join("\n")}` : "keeps every promise";
  console.log(`${again}, with hash ${hash}, ${outcome}`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

async function runMany(options: SimulateOptions): Promise<void> {
  const { first, seeds } = options;
  const startedAt = performance.now();
  const failures: Failure[] = [];
  const pool = new SeedsPool({
    ...options,
    script: new URL(import.meta.url),
    onFailure: (failure) => {
      const { seed, violations } = failure;
      failures.push(failure);
      console.log(`Seed ${seed} fails:\n${violations.join("\n")}`);
      console.log(`To see it again: npm run simulate -- --seed ${seed}`);
    },
  });
  const sum = (): string => {
    const { ran, failed } = pool;
    const seconds = (performance.now() - startedAt) / 1_000;
    return `${ran} seeds from ${first} in ${seconds.toFixed(1)} s: ${failed} failed`;
  };
  const stopProgress = startProgress(pool, seeds);
  process.once("SIGINT", () => {
    stopProgress();
    console.log(`${sum()}; it was ended by Ctrl-C`);
    process.exit(interrupted);
  });
  try {
    await pool.run();
  } finally {
    stopProgress();
  }
  console.log(sum());
  for (const { seed, violations } of options.shrinks ? failures : []) {
    console.log(`\nSeed ${seed}, made smaller:`);
    await tellSmallest(drawPlan(seed), violations, console.log);
  }
  process.exitCode = pool.failed > 0 ? 1 : 0;
}
