/**
 * What went wrong, as a word that never changes. Decide by it rather than by the message.
 *
 * | code | meaning | what to do |
 * | --- | --- | --- |
 * | `ALREADY_LOCKED` | somebody else holds the lock, and the wait was bounded | come again later |
 * | `LOCK_LOST` | the hold ended though we did not let go | stop the work; its result may not stand |
 * | `LOCK_NOT_OWNED` | 1.x class: `unlock` or `renew` of what another node holds | do not touch what it protects |
 * | `PLACE_LOST` | a waiter's place in the queue is gone | ask again, at the end of the queue |
 * | `INVALID_OPTION` | an argument or option is not what it should be | correct the call |
 * | `CLOSED` | the client was closed | connect again, if it was not meant |
 * | `STORE_UNAVAILABLE` | no answer from etcd in time | try again; the request may have been carried out |
 * | `STORE_DENIED` | wrong user, password, certificate, or no permission | correct the configuration |
 * | `STORE_ROLLED_BACK` | etcd answers from an older state than it had | see docs/guarantees.md |
 * | `STORE_UNSUPPORTED` | the server is too old, or lacks what was asked | the message says what is missing |
 * | `STORE_FULL` | etcd's space quota is used up: held locks go on, new ones are refused | compact and defragment etcd |
 * | `STORE_ERROR` | etcd refused the request for another reason | see `status` and the message |
 * | `ETCD_CLIENT_REQUIRED`, `KEY_REQUIRED`, `NODE_ID_REQUIRED`, `INVALID_TTL` | 1.x class: a wrong argument | correct the call |
 */
export type ErrorCode =
  | "ALREADY_LOCKED"
  | "LOCK_LOST"
  | "LOCK_NOT_OWNED"
  | "PLACE_LOST"
  | "INVALID_OPTION"
  | "CLOSED"
  | StoreErrorCode
  | "ETCD_CLIENT_REQUIRED"
  | "KEY_REQUIRED"
  | "NODE_ID_REQUIRED"
  | "INVALID_TTL";

/** The codes of errors that come from etcd, or from the way to it. */
export type StoreErrorCode =
  | "STORE_UNAVAILABLE"
  | "STORE_DENIED"
  | "STORE_ROLLED_BACK"
  | "STORE_UNSUPPORTED"
  | "STORE_FULL"
  | "STORE_ERROR";

/** What every error of this package is. Decide by `code`; the message is for people. */
export class MicrolockError extends Error {
  override name = "MicrolockError";
  /** What went wrong, as a word that never changes. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An argument or option is not what it should be. Nothing was sent or created. */
export class InvalidOptionError extends MicrolockError {
  override name = "InvalidOptionError";
  /** The argument or option, as the caller writes it. */
  readonly option: string;

  constructor(option: string, expected: string, received: unknown, options?: ErrorOptions) {
    super("INVALID_OPTION", `${option} must be ${expected}, but is ${describe(received)}`, options);
    this.option = option;
  }
}

/** Who holds a lock, as far as its entry in etcd says. */
export interface Holder {
  /** `nodeId` of the client that holds it; undefined for a foreign holder, such as a Go service. */
  readonly nodeId?: string | undefined;
  readonly host?: string | undefined;
  readonly pid?: number | undefined;
  /** When it asked for the lock, by its own clock, as an ISO 8601 time. */
  readonly since?: string | undefined;
  /** What it said that it needs the lock for. */
  readonly reason?: string | undefined;
  /** The holder's key in etcd. */
  readonly key: string;
  readonly fencingToken: bigint;
}

/** Somebody else holds the lock, and the caller asked not to wait, or not any longer. */
export class AlreadyLockedError extends MicrolockError {
  override name = "AlreadyLockedError";
  /** The name of the lock. */
  readonly key: string;
  /** Who held it when we gave up, if anybody still did. */
  readonly holder: Holder | undefined;
  /** How many stood in the queue behind the holder, without us. */
  readonly waiters: number | undefined;

  constructor(
    key: string,
    facts: { holder?: Holder | undefined; waiters?: number | undefined } = {},
  ) {
    const { holder, waiters } = facts;
    const who =
      holder && ` by ${holder.nodeId ?? holder.key}${holder.reason ? ` (${holder.reason})` : ""}`;
    const queue = waiters ? `; ${waiters} waiting` : "";
    super("ALREADY_LOCKED", `Lock "${key}" is already locked${who ?? ""}${queue}`);
    this.key = key;
    this.holder = holder;
    this.waiters = waiters;
  }
}

/**
 * Why a hold, or a place in the queue, ended though we did not let go:
 *
 * - `expired`: its lease was not renewed in time. The process was paused or blocked, or
 *   etcd could not be reached.
 * - `revoked`: etcd says that the lease is gone, before its time.
 * - `deleted`: somebody deleted the key in etcd.
 * - `overwritten`: somebody wrote the key anew, with another lease or with none.
 * - `rolled back`: etcd answers from an older state than it had, as after a restored snapshot.
 * - `closed`: the client was closed.
 * - `released`: we did let go, and it was used after that.
 */
export type LossReason =
  | "expired"
  | "revoked"
  | "deleted"
  | "overwritten"
  | "rolled back"
  | "closed"
  | "released";

const lossStories: Readonly<Record<LossReason, string>> = {
  expired: "its lease was not renewed in time (a paused or blocked process, or etcd out of reach)",
  revoked: "its lease was revoked, or ended before its time",
  deleted: "its key was deleted in etcd",
  overwritten: "its key was overwritten in etcd",
  "rolled back": "etcd went back to an older state",
  closed: "the client was closed",
  released: "it was released before",
};

/**
 * The lock is no longer ours, though we did not release it. It is also the `reason` of
 * `hold.signal`. Somebody else may hold the lock by now: stop, and leave what it protects
 * alone.
 */
export class LockLostError extends MicrolockError {
  override name = "LockLostError";
  /** The name of the lock. */
  readonly key: string;
  /** Why it was lost. */
  readonly reason: LossReason;
  /** From `run`: what the work returned, though the lock was lost meanwhile. */
  readonly result?: unknown;
  /** From `run`: what the work threw, perhaps because the lock was lost. */
  readonly workError?: unknown;

  constructor(
    key: string,
    reason: LossReason,
    options: ErrorOptions & { result?: unknown; workError?: unknown } = {},
  ) {
    super("LOCK_LOST", `Lock "${key}" was lost: ${lossStories[reason]}`, options);
    this.key = key;
    this.reason = reason;
    if ("result" in options) this.result = options.result;
    if ("workError" in options) this.workError = options.workError;
  }
}

/** A waiter's place in the queue is gone, so its turn would never come. Ask again. */
export class PlaceLostError extends MicrolockError {
  override name = "PlaceLostError";
  /** The name of the lock. */
  readonly key: string;
  /** Why it was lost. */
  readonly reason: LossReason;

  constructor(key: string, reason: LossReason, options?: ErrorOptions) {
    super(
      "PLACE_LOST",
      `The place in the queue for lock "${key}" was lost: ${lossStories[reason]}`,
      options,
    );
    this.key = key;
    this.reason = reason;
  }
}

/** The client was closed before or during the call. */
export class ClosedError extends MicrolockError {
  override name = "ClosedError";

  constructor(what = "The client") {
    super("CLOSED", `${what} is closed`);
  }
}

/** The gRPC status of an answer, by its name in the gRPC specification. */
export type StoreStatus =
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** Etcd refused a request. Nothing was carried out, unless a subclass says otherwise. */
export class StoreError extends MicrolockError {
  override name = "StoreError";
  declare readonly code: StoreErrorCode;
  /** The gRPC status that etcd answered with. */
  readonly status: StoreStatus;

  constructor(
    status: StoreStatus,
    message: string,
    options: ErrorOptions & { code?: StoreErrorCode | undefined } = {},
  ) {
    super(options.code ?? "STORE_ERROR", message, options);
    this.status = status;
  }
}

/**
 * No answer from etcd, or none in time. The request may have been carried out all the
 * same, now or a little later. The message names the endpoints and what each of them said.
 */
export class StoreUnavailableError extends StoreError {
  override name = "StoreUnavailableError";

  constructor(message: string, options: ErrorOptions & { status?: StoreStatus | undefined } = {}) {
    super(options.status ?? "UNAVAILABLE", message, { ...options, code: "STORE_UNAVAILABLE" });
  }
}

/** Etcd does not let us: wrong user or password, a certificate that does not fit, a missing right. */
export class StoreDeniedError extends StoreError {
  override name = "StoreDeniedError";

  constructor(status: StoreStatus, message: string, options: ErrorOptions = {}) {
    super(status, message, { ...options, code: "STORE_DENIED" });
  }
}

/**
 * A watch began, or would have to go on, at a revision that etcd no longer keeps. Whoever
 * watched has to look at the present state and watch from there.
 */
export class CompactedError extends StoreError {
  override name = "CompactedError";
  /** The oldest revision that can still be watched from. */
  readonly compactRevision: bigint;

  constructor(compactRevision: bigint) {
    super("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted");
    this.compactRevision = compactRevision;
  }
}

/** 1.x class: the first argument is no client that it can use. */
export class EtcdClientRequiredError extends MicrolockError {
  override name = "EtcdClientRequiredError";

  constructor() {
    super("ETCD_CLIENT_REQUIRED", "etcd client parameter is required");
  }
}

/** 1.x class: the key is not a string. */
export class KeyRequiredError extends MicrolockError {
  override name = "KeyRequiredError";

  constructor() {
    super("KEY_REQUIRED", "key parameter of type String is required");
  }
}

/** 1.x class: the node id is not a string. */
export class NodeIdRequiredError extends MicrolockError {
  override name = "NodeIdRequiredError";

  constructor() {
    super("NODE_ID_REQUIRED", "node_id parameter of type String is required");
  }
}

/** 1.x class: the ttl is no number. */
export class InvalidTtlError extends MicrolockError {
  override name = "InvalidTtlError";

  constructor() {
    super("INVALID_TTL", "ttl parameter must be of type Number");
  }
}

/** 1.x class: `unlock` or `renew` of a lock that this node does not hold. */
export class LockNotOwnedError extends MicrolockError {
  override name = "LockNotOwnedError";
  readonly key: string;
  readonly nodeId: string;

  constructor(key: string, nodeId: string) {
    super("LOCK_NOT_OWNED", `Lock "${key}" is not owned by node "${nodeId}"`);
    this.key = key;
    this.nodeId = nodeId;
  }
}

/** A value as an error message shows it: its kind, and as much of it as helps. */
function describe(value: unknown): string {
  if (typeof value === "string") {
    return value.length > 60 ? `a string of ${value.length} characters` : JSON.stringify(value);
  }
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
