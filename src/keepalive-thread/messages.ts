import type { GrantedLease } from "../core/lease-keeper.ts";
import type { LossReason, StoreStatus } from "../errors.ts";
import type { GrpcEtcdOptions } from "../etcd/grpc/grpc-etcd.ts";

/** What the thread is started with. */
export interface ThreadData {
  readonly etcd: Pick<
    GrpcEtcdOptions,
    "endpoints" | "tls" | "auth" | "connectTimeoutMs" | "callTimeoutMs"
  >;
  readonly namespace: string;
  readonly strict: boolean;
  readonly stallMs: number;
  /** Of the main thread's clock, by which all moments are told. */
  readonly suspendedMs: number;
  /** A `SharedTime`: when the main thread gave a sign of life last. */
  readonly alive: SharedArrayBuffer;
  /** One 32-bit number: not 0 once all leases have been ended. */
  readonly ended: SharedArrayBuffer;
}

/** What the main thread says. */
export type ToThread =
  | { readonly type: "keep"; readonly lease: GrantedLease; readonly expiry: SharedArrayBuffer }
  | { readonly type: "close"; readonly id: bigint }
  | { readonly type: "term"; readonly raftTerm: bigint }
  /** The process ends: the leases are ended as well. */
  | { readonly type: "end" };

/** An error as it goes from one thread to another. */
export interface SentError {
  readonly status?: StoreStatus | undefined;
  readonly message: string;
}

/** What the thread says. */
export type FromThread =
  | { readonly type: "ready" }
  | {
      readonly type: "lost";
      readonly id: bigint;
      readonly reason: LossReason;
      readonly cause: SentError | undefined;
    }
  | { readonly type: "failed"; readonly id: bigint; readonly cause: SentError }
  | { readonly type: "closed"; readonly id: bigint }
  | { readonly type: "term"; readonly raftTerm: bigint };
