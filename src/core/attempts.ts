import { StoreError, StoreUnavailableError } from "../errors.ts";

/**
 * How long to wait for one answer. A server whose leader is gone answers after 7 seconds
 * only, while another one would answer at once.
 */
export function attemptMs(ttlMs: number): number {
  return Math.min(ttlMs / 6, 1_000);
}

/** Whether an error is one that a cluster with a leader would not have given. */
export function isUndecided(error: unknown): boolean {
  if (!(error instanceof StoreUnavailableError)) return false;
  return error.status === "DEADLINE_EXCEEDED" || error.message.startsWith("etcdserver:");
}

/** Whether an error is an answer, so that nothing was done. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && !(error instanceof StoreUnavailableError);
}
