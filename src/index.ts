export type { Clock, TimerOptions } from "./clock.ts";
export {
  type AuthOptions,
  type ConnectOptions,
  connect,
  type Target,
  type TlsOptions,
} from "./connect.ts";
export type { Hold } from "./core/hold.ts";
export type { AcquireOptions, Mutex, TryAcquireOptions, Work } from "./core/mutex.ts";
export type { Waiting } from "./core/transactor.ts";
export {
  AlreadyLockedError,
  ClosedError,
  CompactedError,
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
  StaleTokenError,
  StoreDeniedError,
  StoreError,
  type StoreErrorCode,
  type StoreStatus,
  StoreUnavailableError,
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
