/**
 * What went wrong, as a word that never changes. Decide by it rather than by the message.
 *
 * | code | meaning | what to do |
 * | --- | --- | --- |
 * | `ALREADY_LOCKED` | somebody else holds the lock, and the wait was bounded | come again later |
 * | `LOCK_LOST` | the hold ended though we did not let go | stop the work; its result may not stand |
 * | `LOCK_NOT_OWNED` | 1.x class: `unlock` or `renew` of what another node holds | do not touch what it protects |
 * | `PLACE_LOST` | a waiter's place in the queue is gone | ask again, at the end of the queue |
 * | `REVOKED` | the `cause` of a `LOCK_LOST`: somebody took the lock away, and says why | stop the work |
 * | `WOULD_DEADLOCK` | the same chain of calls holds the lock already | pass the hold down, or ask with `reentrant: true` |
 * | `DISAGREEMENT` | others go by another number of permits, parties or counts | give all the same number |
 * | `TOO_MANY_NAMES` | more names at once than etcd takes in one transaction | ask for fewer, or raise etcd's `--max-txn-ops` |
 * | `WATCH_OVERRUN` | who watches a lock reads more slowly than it changes | read faster; begin anew with `inspect` |
 * | `STALE_TOKEN` | a resource has seen the token of a newer holder | stop the work: the lock was lost |
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
  | "REVOKED"
  | "WOULD_DEADLOCK"
  | "DISAGREEMENT"
  | "TOO_MANY_NAMES"
  | "WATCH_OVERRUN"
  | "STALE_TOKEN"
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
  /** The name of the class, as stack traces show it. */
  declare readonly name: string;
  /** What went wrong, as a word that never changes. */
  readonly code: ErrorCode;

  /** `code` says what went wrong, `message` says it to people. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    // A cause that is undefined would be printed as one.
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    // Not to be listed among the facts when the error is printed.
    Object.defineProperty(this, "name", { value: new.target.name, configurable: true });
    this.code = code;
  }
}
