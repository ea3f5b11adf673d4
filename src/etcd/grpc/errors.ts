import {
  StoreDeniedError,
  StoreError,
  type StoreErrorCode,
  type StoreStatus,
  StoreUnavailableError,
} from "../../errors.ts";
import { CallFailure, NoConnection } from "./failures.ts";
import { MalformedMessageError } from "./protobuf.ts";

/** Which call failed, and who was asked. */
export interface CallContext {
  /** As etcd names it: `KV/Txn`. */
  readonly method: string;
  readonly endpoint?: string | undefined;
}

/** What an answer of etcd means; the first row that fits counts. */
interface Row {
  readonly status?: StoreStatus;
  readonly text?: RegExp;
  readonly code: StoreErrorCode;
}

const rows: readonly Row[] = [
  // Etcd reports some refusals of a user as wrong arguments, so the text has to tell.
  { text: /authentication failed, invalid user ID or password/, code: "STORE_DENIED" },
  { text: /user name is empty/, code: "STORE_DENIED" },
  { text: /user name not found/, code: "STORE_DENIED" },
  { text: /invalid auth token/, code: "STORE_DENIED" },
  { text: /revision of auth store is old/, code: "STORE_DENIED" },
  { text: /permission denied/, code: "STORE_DENIED" },
  { status: "PERMISSION_DENIED", code: "STORE_DENIED" },
  { status: "UNAUTHENTICATED", code: "STORE_DENIED" },
  { text: /database space exceeded/, code: "STORE_FULL" },
  // It lags behind with what it has accepted already, and takes more in a moment.
  { text: /too many requests/, code: "STORE_UNAVAILABLE" },
  { status: "UNIMPLEMENTED", code: "STORE_UNSUPPORTED" },
  { status: "UNAVAILABLE", code: "STORE_UNAVAILABLE" },
  { status: "DEADLINE_EXCEEDED", code: "STORE_UNAVAILABLE" },
  { status: "CANCELLED", code: "STORE_UNAVAILABLE" },
  { status: "INTERNAL", code: "STORE_UNAVAILABLE" },
  // What etcd itself says under this status is a refusal; anything else may hide a success.
  { status: "UNKNOWN", text: /^(etcdserver|auth|mvcc|lease): /, code: "STORE_ERROR" },
  { status: "UNKNOWN", code: "STORE_UNAVAILABLE" },
];

/** The code that users see for a status and text of etcd. */
export function storeErrorCode(status: StoreStatus, message: string): StoreErrorCode {
  const row = rows.find(
    (candidate) =>
      (candidate.status === undefined || candidate.status === status) &&
      (candidate.text === undefined || candidate.text.test(message)),
  );
  return row?.code ?? "STORE_ERROR";
}

/** Whether etcd did not carry out a request because of the token: a new one will help. */
export function isStaleToken(answer: {
  readonly status: StoreStatus;
  readonly message: string;
}): boolean {
  const { status, message } = answer;
  return (
    status === "UNAUTHENTICATED" ||
    /invalid auth token|revision of auth store is old|user name is empty/.test(message)
  );
}

/** An answer of etcd, or a refusal, as an error of the port. */
export function answerError(
  status: StoreStatus,
  message: string,
  { method, endpoint = "etcd" }: CallContext,
): StoreError {
  const code = storeErrorCode(status, message);
  if (code === "STORE_UNAVAILABLE") {
    return new StoreUnavailableError(`${message || status} (${method} at ${endpoint})`, { status });
  }
  if (code === "STORE_DENIED") return new StoreDeniedError(status, message || status);
  if (code === "STORE_UNSUPPORTED") {
    const text = `${endpoint} does not know ${method}: etcd 3.4 or newer is needed (${message})`;
    return new StoreError(status, text, { code });
  }
  return new StoreError(status, message || status, { code });
}

/** The error of the port for a call that failed; what is none of ours passes through. */
export function toStoreError(failure: unknown, context: CallContext): unknown {
  if (failure instanceof NoConnection) return noConnectionError(failure);
  if (failure instanceof MalformedMessageError) {
    const message = `The answer makes no sense, ${failure.message}`;
    return toStoreError(new CallFailure("lost", "INTERNAL", message), context);
  }
  if (!(failure instanceof CallFailure)) return failure;
  if (failure.kind === "answered") return answerError(failure.status, failure.message, context);

  const { status, cause } = failure;
  const outcome = failure.kind === "unsent" ? "was not sent" : "may have been carried out";
  const where = `${context.method} at ${context.endpoint ?? "etcd"}`;
  return new StoreUnavailableError(`${failure.message}: ${where} ${outcome}`, { status, cause });
}

/** Nobody said anything within the time that the call had. */
export function deadlineError(timeoutMs: number, { method, endpoint }: CallContext): StoreError {
  const text =
    endpoint === undefined
      ? `No connection to etcd within ${timeoutMs} ms, so ${method} was not sent`
      : `No answer from ${endpoint} to ${method} within ${timeoutMs} ms; it may have been carried out`;
  return new StoreUnavailableError(text, { status: "DEADLINE_EXCEEDED" });
}

/** All endpoints were tried, and none would do. */
function noConnectionError(error: NoConnection): StoreError {
  const { failures, message } = error;
  const only = failures.length === 1;
  if (failures.length > 0 && failures.every(({ kind }) => kind === "tls")) {
    return new StoreDeniedError("UNAVAILABLE", `No TLS connection to etcd at ${message}`, {
      cause: failures[0]?.cause,
    });
  }
  if (failures.length > 0 && failures.every(({ kind }) => kind === "protocol")) {
    return new StoreError("UNAVAILABLE", `No etcd at ${message}`, { code: "STORE_UNSUPPORTED" });
  }
  const question = only
    ? "Is it running, and is the address right?"
    : "Are they running, and are the addresses right?";
  return new StoreUnavailableError(`No etcd answers at ${message}. ${question}`, {
    cause: failures[0]?.cause,
  });
}

/** Whether trying again is of no use until somebody changes something. */
export function isPermanent(error: unknown): error is StoreError {
  return (
    error instanceof StoreError &&
    (error.code === "STORE_DENIED" || error.code === "STORE_UNSUPPORTED")
  );
}
