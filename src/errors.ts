// All errors of this package. Their codes are in errors/microlock-error.ts.
export { InvalidOptionError } from "./errors/invalid-option-error.ts";
export {
  EtcdClientRequiredError,
  InvalidTtlError,
  KeyRequiredError,
  LockNotOwnedError,
  NodeIdRequiredError,
} from "./errors/legacy-errors.ts";
export {
  AlreadyLockedError,
  ClosedError,
  DisagreementError,
  type Holder,
  LockLostError,
  type LossReason,
  PlaceLostError,
  RevokedError,
  TooManyNamesError,
  WatchOverrunError,
  WouldDeadlockError,
} from "./errors/lock-errors.ts";
export { type ErrorCode, MicrolockError, type StoreErrorCode } from "./errors/microlock-error.ts";
export { StaleTokenError } from "./errors/stale-token-error.ts";
export {
  CompactedError,
  StoreDeniedError,
  StoreError,
  type StoreStatus,
  StoreUnavailableError,
  storeStatuses,
} from "./errors/store-errors.ts";
