import { setImmediate as nextTurn } from "node:timers/promises";
import type { Args } from "../args.ts";
import { acquire } from "../asking.ts";
import { exitCodeOf } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { Narrator } from "../run/narrator.ts";
import { planOf } from "../run/plan.ts";
import { Signals } from "../run/signals.ts";
import { checkStack } from "../run/stack.ts";
import { variablesOf } from "../run/variables.ts";

/** Waits for a lock, runs a command while it is ours, and ends with what that ended with. */
export async function run(args: Args, io: Io): Promise<number> {
  const plan = planOf(args);
  const narrator = new Narrator(args, io.stderr);
  const signals = new Signals(io);
  try {
    const [locks, { supervise }] = await Promise.all([
      io.connect(args, { ttlMs: plan.ttlMs, signal: signals.waiting }),
      // It takes milliseconds to load, in which etcd is on its way to answer.
      nextTurn().then(() => import("../run/supervise.ts")),
    ]);
    try {
      await checkStack(io.env, locks, plan.names);
      const hold = await acquire(locks, plan, plan, signals.waiting, narrator);
      narrator.acquired(hold);
      const env = { ...io.env, ...variablesOf(hold, plan.ttlMs, io.env) };
      return await supervise({ hold, plan, env, signals, narrator });
    } finally {
      await locks.close();
    }
  } catch (error) {
    narrator.failed(error);
    return exitCodeOf(error, plan.conflictExitCode);
  } finally {
    signals.close();
  }
}
