import { LockLostError } from "../errors.ts";
import { holding } from "./chain.ts";
import type { Hold } from "./hold.ts";

/**
 * Does `work` with a hold, and releases it whatever happens.
 *
 * @throws {LockLostError} when the lock was lost before its release, with the `result` of
 *   the work, or its `workError`.
 * @throws what the work throws, if the lock was ours until its end.
 */
export async function runWith<T, H extends Hold>(
  hold: H,
  work: (hold: H) => T | Promise<T>,
): Promise<T> {
  let outcome: { result: T } | { workError: unknown };
  try {
    outcome = { result: await holding(hold, () => work(hold)) };
  } catch (workError) {
    outcome = { workError };
  }
  try {
    await hold.release();
  } catch (error) {
    if (error instanceof LockLostError) {
      throw new LockLostError(hold.name, error.reason, { cause: error.cause, ...outcome });
    }
    // The release will be tried further; what the work threw is what the caller looks for.
    throw "workError" in outcome ? outcome.workError : error;
  }
  if ("workError" in outcome) throw outcome.workError;
  return outcome.result;
}
