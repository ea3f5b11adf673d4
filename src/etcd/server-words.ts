import type { StoreErrorCode, StoreStatus } from "../errors.ts";

// Whoever speaks to a real etcd, by whatever way, understands it alike.

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
  { status: "ABORTED", code: "STORE_UNAVAILABLE" },
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

/** Why etcd ended a watch. It says so in text only, and at times as Go prints an error. */
export function readCancelReason(reason: string): { status: StoreStatus; message: string } {
  const match = /^rpc error: code = (\w+) desc = (.*)$/s.exec(reason);
  const message = match?.[2] ?? reason;
  const code = match?.[1]?.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return { status: statusOf(code, message), message };
}

function statusOf(code: string | undefined, message: string): StoreStatus {
  if (code !== undefined) return (code === "CANCELED" ? "CANCELLED" : code) as StoreStatus;
  if (/permission denied/.test(message)) return "PERMISSION_DENIED";
  if (/invalid auth token/.test(message)) return "UNAUTHENTICATED";
  if (/no leader|leader changed/.test(message)) return "UNAVAILABLE";
  if (/has been compacted/.test(message)) return "OUT_OF_RANGE";
  return "FAILED_PRECONDITION";
}
