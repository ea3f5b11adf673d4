export type { Clock, TimerOptions } from "./clock.ts";
export type { CloseEvent } from "./close-on.ts";
export { connect, type Target } from "./connect.ts";
export type { AuthOptions, ConnectOptions, TlsOptions } from "./connect-options.ts";
export type { Barrier, BarrierOptions } from "./core/barrier.ts";
export type {
  CampaignOptions,
  Election,
  Leader,
  Leadership,
  Term,
  UntilOptions,
} from "./core/election.ts";
export type { ForceReleaseOptions } from "./core/force-release.ts";
export type { GuardedTxn, Textual } from "./core/guarded-txn.ts";
export type { DetachOptions, Hold } from "./core/hold.ts";
export type { Contender, Inspection } from "./core/inspect.ts";
export type { Latch, LatchOptions } from "./core/latch.ts";
export type { ListOptions, LockSummary } from "./core/list.ts";
export type { AcquireOptions, Lock, TryAcquireOptions, Work } from "./core/lock.ts";
export type { LockEvent } from "./core/lock-events.ts";
export type { Mode } from "./core/mode.ts";
export type { Mutex } from "./core/mutex.ts";
export type { OnceOptions, OnceOutcome } from "./core/once.ts";
export type { Waiting } from "./core/requester.ts";
export type { RwLock, WriteHold } from "./core/rw-lock.ts";
export type { PermitOptions, Semaphore } from "./core/semaphore.ts";
export type { PositionListener } from "./core/tell-position.ts";
export type { UntilFreeOptions } from "./core/until-free.ts";
export type { LockWatch, WatchLockOptions, WatchLocksOptions } from "./core/watch-lock.ts";
export type {
  LockInfo,
  LockManagerSnapshot,
  LockRequestOptions,
  RequestedHold,
} from "./core/web-locks.ts";
export {
  AlreadyLockedError,
  ClosedError,
  CompactedError,
  DisagreementError,
  type ErrorCode,
  EtcdClientRequiredError,
  type Holder,
  InvalidOptionError,
  InvalidTtlError,
  KeyRequiredError,
  LockLostError,
  LockNotOwnedError,
  type LossReason,
  MicrolockError,
  NodeIdRequiredError,
  PlaceLostError,
  RevokedError,
  StaleTokenError,
  StoreDeniedError,
  StoreError,
  type StoreErrorCode,
  type StoreStatus,
  StoreUnavailableError,
  TooManyNamesError,
  WatchOverrunError,
  WouldDeadlockError,
} from "./errors.ts";
export type * from "./etcd/api.ts";
export { Fence, type FenceOptions, type FencingToken } from "./fence.ts";
export type { Locks } from "./locks.ts";
export {
  default,
  events,
  type MicrolockAnswer,
  type MicrolockClient,
  type MicrolockEvents,
} from "./microlock.ts";
export type { Operations } from "./operations.ts";
