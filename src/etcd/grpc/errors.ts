import {
  StoreDeniedError,
  StoreError,
  type StoreStatus,
  StoreUnavailableError,
} from "../../errors.ts";
import { storeErrorCode } from "../server-words.ts";
import { MalformedMessageError } from "../wire/malformed-message-error.ts";
import { CallFailure, NoConnection } from "./failures.ts";

/** Which call failed, and who was asked. */
export interface CallContext {
  /** As etcd names it: `KV/Txn`. */
  readonly method: string;
  readonly endpoint?: string | undefined;
  /** All that could be asked. */
  readonly endpoints?: string | undefined;
  /** As whom. */
  readonly user?: string | undefined;
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
  { method, endpoint = "etcd", user }: CallContext,
): StoreError {
  const code = storeErrorCode(status, message);
  if (code === "STORE_UNAVAILABLE") {
    return new StoreUnavailableError(`${message || status} (${method} at ${endpoint})`, { status });
  }
  if (code === "STORE_DENIED") return new StoreDeniedError(status, denial(message || status, user));
  if (code === "STORE_UNSUPPORTED") {
    const text = `${endpoint} does not know ${method}: etcd 3.4 or newer is needed (${message})`;
    return new StoreError(status, text, { code });
  }
  return new StoreError(status, message || status, { code });
}

// What to look at, by what etcd says.
const denials: readonly (readonly [RegExp, string])[] = [
  [/authentication failed/, "are auth.username and auth.password right?"],
  [/user name is empty/, "etcd has authentication enabled: give auth"],
  [/permission denied/, "has the user a role for these keys? Is the namespace right?"],
];

function denial(message: string, user: string | undefined): string {
  const hint = denials.find(([sign]) => sign.test(message))?.[1];
  const who = user !== undefined && `user ${JSON.stringify(user)}`;
  const facts = [who, hint].filter(Boolean).join(": ");
  return facts === "" ? message : `${message} (${facts})`;
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
export function deadlineError(
  timeoutMs: number,
  { method, endpoint, endpoints = "etcd" }: CallContext,
): StoreError {
  const within = `within ${Math.ceil(timeoutMs)} ms`;
  const text =
    endpoint === undefined
      ? `No connection to ${endpoints} ${within}, so ${method} was not sent`
      : `No answer from ${endpoint} to ${method} ${within}; it may have been carried out`;
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
