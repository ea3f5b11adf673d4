import { stayAwake, systemClock } from "../../clock.ts";
import type { Hold } from "../../core/hold.ts";
import { LockLostError, StoreError } from "../../errors.ts";
import { onAbort } from "../../signals.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Narrator } from "../run/narrator.ts";

/**
 * Keeps a lock until one of `ends` aborts, and releases it. Resolves with the exit code: at once
 * with `lostExitCode` when the lock is lost meanwhile.
 */
export async function keep(
  hold: Hold,
  ends: readonly AbortSignal[],
  lostExitCode: number,
  narrator: Narrator,
): Promise<number> {
  // Nothing else keeps the process alive when stdin does not.
  const stopStaying = stayAwake(systemClock);
  await firstOf([hold.signal, ...ends]).finally(stopStaying);
  if (hold.signal.aborted) return lost(hold.signal.reason);
  try {
    await hold.release();
    narrator.released();
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof LockLostError) return lost(error);
    if (!(error instanceof StoreError)) throw error;
    // It was ours until now, and goes with its lease.
    narrator.failed(error);
    return exitCodes.ok;
  }

  function lost(error: unknown): number {
    if (!(error instanceof LockLostError)) throw error;
    narrator.lost(error);
    return lostExitCode;
  }
}

/** Resolves when one of several signals has aborted. */
async function firstOf(signals: readonly AbortSignal[]): Promise<void> {
  const stops: (() => void)[] = [];
  await new Promise<void>((resolve) => {
    for (const signal of signals) stops.push(onAbort(signal, resolve));
  });
  for (const stop of stops) stop();
}
