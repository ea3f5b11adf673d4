import { setTimeout as sleep } from "node:timers/promises";
import type { Hold } from "../../core/hold.ts";
import { LockLostError, StoreError } from "../../errors.ts";
import { onAbort } from "../../signals.ts";
import { Child } from "./child.ts";
import { Guardian } from "./guardian.ts";
import type { Narrator } from "./narrator.ts";
import type { CommandPlan } from "./plan.ts";
import type { Signals } from "./signals.ts";

/** What it takes to run a command while a lock is ours. */
export interface Supervision {
  readonly hold: Hold;
  readonly plan: CommandPlan;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: Signals;
  readonly narrator: Narrator;
}

// How much later the guardian acts than we would.
const guardianDelayMs = 300;
// How long to wait for those who were killed to be gone; a process that nobody reaps never is.
const reapingMs = 500;
const lookMs = 20;

/**
 * Runs a command, and ends it when the lock is lost. Releases the lock once the command has ended,
 * however it did. Resolves with the exit code.
 */
export async function supervise(supervision: Supervision): Promise<number> {
  const { hold, plan, env, signals, narrator } = supervision;
  const child = new Child(plan.command, env);
  const { group } = child;
  if (group === undefined) {
    const ending = await child.ended;
    narrator.ended(ending);
    await letGo(hold, narrator);
    return ending.exitCode;
  }
  const guardian = new Guardian(group, plan.killAfterMs);
  const stopRenewing = keepRenewed(guardian, hold, plan.ttlMs);
  signals.passTo(signalTaker(child, hold));
  let stopping: Promise<void> | undefined;
  const stopListening = onAbort(hold.signal, () => {
    stopRenewing();
    guardian.renew(plan.killAfterMs + guardianDelayMs);
    stopping = stop(child, supervision);
  });

  const ending = await child.ended;
  narrator.ended(ending);
  stopListening();
  stopRenewing();
  await stopping;
  guardian.dismiss();
  const isOurs = await letGo(hold, narrator);
  return isOurs ? ending.exitCode : plan.lostExitCode;
}

/** Tells the guardian how long the lock is good, well before what it knows is over. */
function keepRenewed(guardian: Guardian, hold: Hold, ttlMs: number): () => void {
  let timer: NodeJS.Timeout;
  const renew = (): void => {
    const { remainingMs } = hold;
    guardian.renew(remainingMs + guardianDelayMs);
    timer = setTimeout(renew, Math.max(Math.min(ttlMs / 6, remainingMs / 2), guardianDelayMs / 3));
  };
  renew();
  return () => clearTimeout(timer);
}

/** What becomes of signals once there is a command. */
function signalTaker(child: Child, hold: Hold): { take(signal: NodeJS.Signals): void } {
  return {
    take(signal) {
      if (signal === "SIGCONT") {
        // It must not go on with a lock that was lost while all of us were stopped.
        if (hold.held) child.signal("SIGCONT");
      } else {
        // A group without a terminal is deaf to SIGTSTP.
        child.signal(signal === "SIGTSTP" ? "SIGSTOP" : signal);
      }
    },
  };
}

/** Ends a command whose lock is lost, and all that it has started. */
async function stop(child: Child, { hold, plan, env, narrator }: Supervision): Promise<void> {
  const error: unknown = hold.signal.reason;
  if (error instanceof LockLostError) narrator.lost(error);
  const isLate = error instanceof LockLostError && error.reason === "stalled";
  const running = plan.onLost === undefined ? undefined : runOnLost(plan.onLost, env, error);
  if (!isLate) {
    child.signal(plan.stopSignal);
    child.signal("SIGCONT");
    if (!(await isGone(child, plan.killAfterMs))) narrator.killed();
  }
  child.signal("SIGKILL");
  await isGone(child, reapingMs);
  if (!running) return;
  await Promise.race([running.ended, sleep(plan.killAfterMs, undefined, { ref: false })]);
  running.signal("SIGKILL");
}

function runOnLost(command: string, env: NodeJS.ProcessEnv, error: unknown): Child {
  const reason = error instanceof LockLostError ? error.reason : "";
  return new Child(["/bin/sh", "-c", command], {
    ...env,
    MICROLOCK_HELD: "false",
    MICROLOCK_LOSS: reason,
  });
}

/** Whether nobody of a group is left within some time. */
async function isGone(child: Child, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  while (child.signal(0)) {
    if (performance.now() >= giveUpAt) return false;
    await sleep(Math.min(lookMs, giveUpAt - performance.now()));
  }
  return true;
}

/** Releases the lock. Resolves with whether it was ours until then, as far as can be known. */
async function letGo(hold: Hold, narrator: Narrator): Promise<boolean> {
  try {
    await hold.release();
    narrator.released();
    return true;
  } catch (error) {
    if (error instanceof LockLostError) {
      if (!hold.signal.aborted) narrator.lost(error);
      return false;
    }
    if (!(error instanceof StoreError)) throw error;
    // It was ours until its command had ended, and goes with its lease.
    narrator.failed(error);
    return true;
  }
}
