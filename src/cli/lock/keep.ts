import { stayAwake, systemClock } from "../../clock.ts";
import type { Hold } from "../../core/hold.ts";
import { LockLostError, StoreError } from "../../errors.ts";
import { followSignals, onAbort } from "../../signals.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Narrator } from "../run/narrator.ts";

/**
 * Keeps a lock until `end` aborts, and releases it. Resolves with the exit code: at once with
 * `lostExitCode` when the lock is lost meanwhile.
 */
export async function keep(
  hold: Hold,
  end: AbortSignal,
  lostExitCode: number,
  narrator: Narrator,
): Promise<number> {
  const { signal, unfollow } = followSignals(hold.signal, end);
  // Nothing else keeps the process alive when stdin does not.
  const stopStaying = stayAwake(systemClock);
  await new Promise<void>((resolve) => onAbort(signal, resolve));
  stopStaying();
  unfollow();
  try {
    // It rejects when the lock was lost.
    await hold.release();
    narrator.released();
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof LockLostError) {
      narrator.lost(error);
      return lostExitCode;
    }
    if (!(error instanceof StoreError)) throw error;
    // It was ours until now, and goes with its lease.
    narrator.failed(error);
    return exitCodes.ok;
  }
}
