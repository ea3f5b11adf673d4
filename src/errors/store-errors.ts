import { MicrolockError, type StoreErrorCode } from "./microlock-error.ts";

/** The gRPC statuses but for OK, in the order of their codes, of which the first is 1. */
export const storeStatuses = [
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
] as const;

/** The gRPC status of an answer, by its name in the gRPC specification. */
export type StoreStatus = (typeof storeStatuses)[number];

/** Etcd refused a request. Nothing was carried out, unless a subclass says otherwise. */
export class StoreError extends MicrolockError {
  /** What went wrong, as a word that never changes. */
  declare readonly code: StoreErrorCode;
  /** The gRPC status that etcd answered with. */
  readonly status: StoreStatus;

  /** `message` is what etcd said. @default `options.code`: `"STORE_ERROR"` */
  constructor(
    status: StoreStatus,
    message: string,
    options: ErrorOptions & Partial<Pick<StoreError, "code">> = {},
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
  /** `message` says who did not answer to what. @default `options.status`: `"UNAVAILABLE"` */
  constructor(message: string, options: ErrorOptions & Partial<Pick<StoreError, "status">> = {}) {
    super(options.status ?? "UNAVAILABLE", message, { ...options, code: "STORE_UNAVAILABLE" });
  }
}

/** Etcd does not let us: wrong user or password, a certificate that does not fit, a missing right. */
export class StoreDeniedError extends StoreError {
  /** `message` is what etcd said, or what is wrong with a certificate. */
  constructor(status: StoreStatus, message: string, options: ErrorOptions = {}) {
    super(status, message, { ...options, code: "STORE_DENIED" });
  }
}

/**
 * A watch began, or would have to go on, at a revision that etcd no longer keeps. Whoever
 * watched has to look at the present state and watch from there.
 */
export class CompactedError extends StoreError {
  /** The oldest revision that can still be watched from. */
  readonly compactRevision: bigint;

  /** `compactRevision` is the oldest revision that can still be watched from. */
  constructor(compactRevision: bigint) {
    super("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted");
    this.compactRevision = compactRevision;
  }
}
