import {
  ClosedError,
  MicrolockError,
  StoreDeniedError,
  StoreError,
  type StoreStatus,
  StoreUnavailableError,
} from "../../errors.ts";

const statuses: ReadonlySet<string> = new Set<StoreStatus>([
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
]);

// Statuses that do not say whether the request was carried out.
const doubtful: ReadonlySet<StoreStatus> = new Set<StoreStatus>([
  "CANCELLED",
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "ABORTED",
  "INTERNAL",
  "UNAVAILABLE",
]);

// Etcd reports most of what is wrong with a sign-in as INVALID_ARGUMENT.
const deniedTexts = [
  "authentication failed",
  "invalid auth token",
  "permission denied",
  "user name is empty",
  "user name not found",
  "revision of auth store is old",
];

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

/** Why etcd cancelled a watch: it says so in text only. */
export function translateCancelReason(reason: string): Error {
  if (/no leader|leader changed/.test(reason)) return new StoreUnavailableError(reason);
  return fromStatus("FAILED_PRECONDITION", reason, undefined);
}

function fromStatus(status: StoreStatus, text: string, cause: unknown): StoreError {
  const options = { cause };
  if (
    status === "PERMISSION_DENIED" ||
    status === "UNAUTHENTICATED" ||
    deniedTexts.some((denied) => text.includes(denied)) ||
    (status === "UNAVAILABLE" && untrustedText.test(text))
  ) {
    return new StoreDeniedError(status, text, options);
  }
  if (doubtful.has(status)) return new StoreUnavailableError(text, { ...options, status });
  if (status === "UNIMPLEMENTED") {
    return new StoreError(status, text, { ...options, code: "STORE_UNSUPPORTED" });
  }
  if (text.includes("database space exceeded")) {
    return new StoreError(status, text, { ...options, code: "STORE_FULL" });
  }
  return new StoreError(status, text, options);
}

function isStatus(word: string): word is StoreStatus {
  return statuses.has(word);
}
