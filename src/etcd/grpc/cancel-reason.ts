import { CompactedError, type StoreError } from "../../errors.ts";
import { readCancelReason, storeErrorCode } from "../server-words.ts";
import type { WatchAnswer } from "../wire/watch-messages.ts";
import { answerError, isStaleToken } from "./errors.ts";

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

  const { status, message } = readCancelReason(cancelReason);
  const error = answerError(status, message, { method });
  if (storeErrorCode(status, message) === "STORE_UNAVAILABLE") return { kind: "move" };
  // Old servers say "permission denied" of an expired token too.
  const isDenied = error.code === "STORE_DENIED";
  return { kind: isDenied || isStaleToken({ status, message }) ? "sign in" : "end", error };
}
