import { CompactedError, type StoreError, type StoreStatus } from "../../errors.ts";
import { answerError, isStaleToken, storeErrorCode } from "./errors.ts";
import type { WatchAnswer } from "./watch-messages.ts";

/**
 * What follows when etcd ends a watch:
 *
 * - `end`: it is over for good.
 * - `sign in`: it can go on with a fresh token.
 * - `move`: it can go on elsewhere, or a little later.
 */
export type CancelOutcome =
  | { readonly kind: "end" | "sign in"; readonly error: StoreError }
  | { readonly kind: "move" };

const method = "Watch/Watch";

/** Reads why etcd ended a watch. */
export function cancelOutcome({
  compactRevision,
  cancelReason,
  created,
}: Pick<WatchAnswer, "compactRevision" | "cancelReason" | "created">): CancelOutcome {
  if (compactRevision > 0n) return { kind: "end", error: new CompactedError(compactRevision) };
  if (cancelReason === "") {
    if (!created) return { kind: "move" };
    const error = answerError("INVALID_ARGUMENT", "etcd refused the watch", { method });
    return { kind: "end", error };
  }

  const { status, message } = readReason(cancelReason);
  const error = answerError(status, message, { method });
  if (storeErrorCode(status, message) === "STORE_UNAVAILABLE") return { kind: "move" };
  // Old servers say "permission denied" of an expired token too.
  const isDenied = error.code === "STORE_DENIED";
  return { kind: isDenied || isStaleToken({ status, message }) ? "sign in" : "end", error };
}

// Etcd sends the error as Go prints it.
function readReason(reason: string): { status: StoreStatus; message: string } {
  const match = /^rpc error: code = (\w+) desc = (.*)$/s.exec(reason);
  const message = match?.[2] ?? reason;
  const code = match?.[1]?.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return { status: statusOf(code, message), message };
}

function statusOf(code: string | undefined, message: string): StoreStatus {
  if (code !== undefined) return (code === "CANCELED" ? "CANCELLED" : code) as StoreStatus;
  if (/permission denied/.test(message)) return "PERMISSION_DENIED";
  if (/invalid auth token/.test(message)) return "UNAUTHENTICATED";
  if (/no leader/.test(message)) return "UNAVAILABLE";
  if (/has been compacted/.test(message)) return "OUT_OF_RANGE";
  return "FAILED_PRECONDITION";
}
