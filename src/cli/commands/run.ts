import type { Hold } from "../../core/hold.ts";
import type { Lock } from "../../core/lock.ts";
import type { Holder } from "../../errors.ts";
import type { Locks } from "../../locks.ts";
import type { Args } from "../args.ts";
import { exitCodeOf, exitCodes } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { Narrator } from "../run/narrator.ts";
import { type Plan, planOf } from "../run/plan.ts";
import { Signals } from "../run/signals.ts";
import { checkStack, stackWith } from "../run/stack.ts";
import { supervise } from "../run/supervise.ts";

/** Waits for a lock, runs a command while it is ours, and ends with what that ended with. */
export async function run(args: Args, io: Io): Promise<number> {
  const plan = planOf(args);
  const narrator = new Narrator(args, io.stderr);
  const signals = new Signals(io);
  try {
    const locks = await io.connect(args, { ttlMs: plan.ttlMs, signal: signals.waiting });
    try {
      await checkStack(io.env, locks, plan.names);
      const hold = await acquire(locks, plan, signals.waiting, narrator);
      narrator.acquired(hold);
      const env = { ...io.env, ...variablesOf(hold, plan, io.env) };
      return await supervise({ hold, plan, env, signals, narrator });
    } finally {
      await locks.close();
    }
  } catch (error) {
    narrator.failed(error);
    const code = exitCodeOf(error);
    return code === exitCodes.busy ? plan.conflictExitCode : code;
  } finally {
    signals.close();
  }
}

async function acquire(
  locks: Locks,
  plan: Plan,
  signal: AbortSignal,
  narrator: Narrator,
): Promise<Hold> {
  const { names, kind, permits, waitMs, reason, lingerMs, minHoldMs } = plan;
  const name = names.join(", ");
  const options = {
    signal,
    reason,
    waitMs,
    lingerMs,
    minHoldMs,
    onWait: (position: number, holder: Holder | undefined) =>
      narrator.waiting(name, position, holder),
  };
  const hold = await lockOf(locks, names, kind, permits).acquire(options);
  if (!signal.aborted) return hold;
  // We were told to end in the moment in which our turn came.
  await hold.release();
  throw signal.reason;
}

function lockOf(
  locks: Locks,
  names: readonly string[],
  kind: Plan["kind"],
  permits: number,
): Pick<Lock, "acquire"> {
  const [name = ""] = names;
  if (kind === "shared") return locks.rwLock(name).read;
  if (kind === "permits") return locks.semaphore(name, permits);
  return { acquire: (options) => locks.acquire(names, options) };
}

/** What the command finds in its environment. */
function variablesOf(hold: Hold, { ttlMs }: Plan, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    // As etcdctl names them, whose own would be those of an outer lock.
    ETCD_LOCK_KEY: hold.key,
    ETCD_LOCK_REV: String(hold.fencingToken),
    MICROLOCK_HELD: "true",
    MICROLOCK_NAME: hold.name,
    MICROLOCK_TOKEN: String(hold.fencingToken),
    MICROLOCK_LEASE: hold.lease.toString(16),
    MICROLOCK_TTL: String(ttlMs / 1_000),
    MICROLOCK_STACK: stackWith(env, hold),
  };
}
