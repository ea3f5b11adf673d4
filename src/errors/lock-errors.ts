import { MicrolockError } from "./microlock-error.ts";

/** Who holds a lock, as far as its entry in etcd says. */
export interface Holder {
  /** `nodeId` of the client that holds it; undefined for a foreign holder, such as a Go service. */
  readonly nodeId?: string | undefined;
  /** The name of its host. */
  readonly host?: string | undefined;
  /** The id of its process, on that host. */
  readonly pid?: number | undefined;
  /** When it asked for the lock, by its own clock, as an ISO 8601 time. */
  readonly since?: string | undefined;
  /** What it said that it needs the lock for. */
  readonly reason?: string | undefined;
  /** The holder's key in etcd. */
  readonly key: string;
  /** Larger than that of every holder before: the create revision of `key`. */
  readonly fencingToken: bigint;
  /**
   * Whether the key goes by itself when its holder dies. One without a lease was put there
   * by hand, and blocks the lock until somebody deletes it.
   */
  readonly expires: boolean;
}

/** Somebody else holds the lock, and the caller asked not to wait, or not any longer. */
export class AlreadyLockedError extends MicrolockError {
  /** The name of the lock. */
  readonly key: string;
  /** Who held it when we gave up, if anybody still did. */
  readonly holder: Holder | undefined;
  /** How many stood in the queue behind the holder, without us. */
  readonly waiters: number | undefined;

  /** `key` is the name of the lock; the facts are what is known of who stands in the queue. */
  constructor(key: string, facts: Partial<Pick<AlreadyLockedError, "holder" | "waiters">> = {}) {
    const { holder, waiters } = facts;
    const who =
      holder && ` by ${holder.nodeId ?? holder.key}${holder.reason ? ` (${holder.reason})` : ""}`;
    const queue = waiters ? `; ${waiters} waiting` : "";
    const orphan =
      holder?.expires === false
        ? `. The key ${holder.key} has no lease and will never expire: delete it to free the lock`
        : "";
    super("ALREADY_LOCKED", `Lock "${key}" is already locked${who ?? ""}${queue}${orphan}`);
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
  /** The name of the lock. */
  readonly key: string;
  /** Why it was lost. */
  readonly reason: LossReason;
  /** From `run`: what the work returned, though the lock was lost meanwhile. */
  declare readonly result?: unknown;
  /** From `run`: what the work threw, perhaps because the lock was lost. */
  declare readonly workError?: unknown;

  /** `key` is the name of the lock. The options may carry the outcome of the work. */
  constructor(
    key: string,
    reason: LossReason,
    options: ErrorOptions & Pick<LockLostError, "result" | "workError"> = {},
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
  /** The name of the lock. */
  readonly key: string;
  /** Why it was lost. */
  readonly reason: LossReason;

  /** `key` is the name of the lock. */
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
  /** `what` begins the message. @default "The client" */
  constructor(what = "The client") {
    super("CLOSED", `${what} is closed`);
  }
}
