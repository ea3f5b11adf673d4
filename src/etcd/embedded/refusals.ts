import { StoreError, type StoreStatus } from "../../errors.ts";

/** Why a request is refused. */
export type Refusal =
  | "emptyKey"
  | "keyNotFound"
  | "valueProvided"
  | "leaseProvided"
  | "tooManyOps"
  | "duplicateKey"
  | "tooLarge"
  | "compacted"
  | "futureRevision"
  | "leaseNotFound"
  | "leaseExists"
  | "ttlTooLarge"
  | "emptyWatchRange";

// What etcd says, word for word: clients of all languages go by these texts. Why it ends a
// watch it says in text only, so the status of that is ours, as in the other adapters.
const refusals: Readonly<Record<Refusal, readonly [StoreStatus, string]>> = {
  emptyKey: ["INVALID_ARGUMENT", "etcdserver: key is not provided"],
  keyNotFound: ["INVALID_ARGUMENT", "etcdserver: key not found"],
  valueProvided: ["INVALID_ARGUMENT", "etcdserver: value is provided"],
  leaseProvided: ["INVALID_ARGUMENT", "etcdserver: lease is provided"],
  tooManyOps: ["INVALID_ARGUMENT", "etcdserver: too many operations in txn request"],
  duplicateKey: ["INVALID_ARGUMENT", "etcdserver: duplicate key given in txn request"],
  tooLarge: ["INVALID_ARGUMENT", "etcdserver: request is too large"],
  compacted: ["OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted"],
  futureRevision: ["OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision"],
  leaseNotFound: ["NOT_FOUND", "etcdserver: requested lease not found"],
  leaseExists: ["FAILED_PRECONDITION", "etcdserver: lease already exists"],
  ttlTooLarge: ["OUT_OF_RANGE", "etcdserver: too large lease TTL"],
  emptyWatchRange: ["FAILED_PRECONDITION", "mvcc: watcher range is empty"],
};

/** The error with which etcd refuses a request. */
export function refusal(reason: Refusal): StoreError {
  const [status, message] = refusals[reason];
  return new StoreError(status, message);
}
