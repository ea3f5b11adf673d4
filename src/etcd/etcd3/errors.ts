import {
  ClosedError,
  MicrolockError,
  StoreDeniedError,
  StoreError,
  type StoreStatus,
  StoreUnavailableError,
  storeStatuses,
} from "../../errors.ts";
import { readCancelReason, storeErrorCode } from "../server-words.ts";

// A wrong certificate looks like a server out of reach, and will not get better by waiting.
const untrustedText = /certificate|self.signed|unable to verify|ERR_TLS|SSL routines/i;

// "5 NOT_FOUND: etcdserver: …", but for a lost lease, which the package tells as "Lease
// 5 NOT_FOUND: etcdserver: … is expired or revoked".
const statusAndText = /^(?:Lease |\w*Error: )?\d+ ([A-Z_]+): (.*?)(?: is expired or revoked)?$/s;

/**
 * What the etcd3 package throws, in our words. It throws away the gRPC status, but keeps it
 * in the message.
 */
export function translateError(error: unknown): Error {
  if (error instanceof MicrolockError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes("client was already closed")) return new ClosedError("The Etcd3 client");

  const [, word = "", text = message] = statusAndText.exec(message) ?? [];
  // Without a status it comes from the package itself, such as from its circuit breaker, and
  // earlier attempts of the same call may have got through.
  return fromStatus(isStatus(word) ? word : "UNAVAILABLE", text, error);
}

/** Why etcd ended a watch. An error of `StoreUnavailableError` means that it can go on. */
export function translateCancelReason(reason: string, created: boolean): StoreError {
  if (reason === "" && !created) return new StoreUnavailableError("etcd gave no reason");
  const { status, message } = readCancelReason(reason || "etcd refused the watch");
  return fromStatus(status, message, undefined);
}

function fromStatus(status: StoreStatus, text: string, cause: unknown): StoreError {
  const isUntrusted = status === "UNAVAILABLE" && untrustedText.test(text);
  const code = isUntrusted ? "STORE_DENIED" : storeErrorCode(status, text);
  if (code === "STORE_DENIED") return new StoreDeniedError(status, text, { cause });
  if (code === "STORE_UNAVAILABLE") return new StoreUnavailableError(text, { status, cause });
  return new StoreError(status, text, { code, cause });
}

function isStatus(word: string): word is StoreStatus {
  return (storeStatuses as readonly string[]).includes(word);
}
