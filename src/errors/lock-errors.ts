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
  /** How many stood in the queue behind the first one, without us. */
  readonly waiters: number | undefined;
  /** Which of the waiters we were when our time was up, 1 for the next; undefined if we did not wait. */
  readonly position: number | undefined;

  /** `key` is the name of the lock; the facts are what is known of who stands in the queue. */
  constructor(
    key: string,
    facts: Partial<Pick<AlreadyLockedError, "holder" | "waiters" | "position">> = {},
  ) {
    const { holder, waiters, position } = facts;
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
    this.position = position;
  }
}

/**
 * Why a hold, or a place in the queue, ended though we did not let go:
 *
 * - `expired`: its lease was not renewed in time, though we asked. Etcd could not be reached,
 *   or had no leader for longer than the TTL: look at the network and at etcd, or raise `ttlMs`.
 * - `stalled`: its lease was not renewed in time, since this process did not run: it was stopped,
 *   swapped out, or its event loop was blocked for longer than the TTL. Find what blocks it,
 *   move long computations off the main thread, or raise `ttlMs`.
 * - `revoked`: somebody with the right to do so took it away: by `forceRelease` (then `cause` is a
 *   `RevokedError` that says who and why), or by ending the lease in etcd. Stop, and ask them.
 * - `deleted`: somebody deleted the key in etcd, past us. Use `forceRelease` instead, which
 *   says who and why.
 * - `overwritten`: somebody wrote the key anew, with another lease or with none. Find out who
 *   writes below the namespace.
 * - `rolled back`: etcd answers from an older state than it had, as after a restored snapshot.
 *   Tokens may be given out twice: see docs/guarantees.md.
 * - `closed`: the client was closed. Release before you close it, or let `run` do so.
 * - `released`: we did let go, and it was used after that. A bug in the caller.
 * - `detached`: it was handed over with `detach`, and is somebody else's now.
 */
export type LossReason =
  | "expired"
  | "stalled"
  | "revoked"
  | "deleted"
  | "overwritten"
  | "rolled back"
  | "closed"
  | "released"
  | "detached";

const lossStories: Readonly<Record<LossReason, string>> = {
  expired: "its lease ended, since it could not be renewed in time",
  stalled: "this process was stopped or blocked for longer than the lock lives",
  revoked: "it was taken away, or its lease ended before its time",
  deleted: "its key was deleted in etcd",
  overwritten: "its key was overwritten in etcd",
  "rolled back": "etcd went back to an older state",
  closed: "the client was closed",
  released: "it was released before",
  detached: "it was handed over",
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

/** Somebody took a lock away by `forceRelease`. It is the `cause` of the holder's `LockLostError`. */
export class RevokedError extends MicrolockError {
  /** Who did it, as they said. */
  readonly by: string;
  /** Why, as they said. */
  readonly reason: string;

  /** The message says both. */
  constructor(by: string, reason: string) {
    super("REVOKED", `Revoked by ${by}: ${reason}`);
    this.by = by;
    this.reason = reason;
  }
}

/**
 * The caller holds the lock already, further up in the same chain of calls, and would wait
 * for itself. Nothing was asked of etcd. Pass the hold down, or ask with `reentrant: true`.
 */
export class WouldDeadlockError extends MicrolockError {
  /** The name of the lock. */
  readonly key: string;

  /** `key` is the name of the lock. */
  constructor(key: string) {
    super(
      "WOULD_DEADLOCK",
      `Lock "${key}" is held by the same chain of calls, which would wait for itself: pass the hold down, or ask with reentrant: true`,
    );
    this.key = key;
  }
}

/**
 * Those who stand in the queue go by another number of permits, parties or counts than we
 * do. We do not stand there. Give all clients the same number; it can be changed once nobody
 * stands there any more.
 */
export class DisagreementError extends MicrolockError {
  /** The name of the lock. */
  readonly key: string;
  /** Our number. */
  readonly expected: number;
  /** Theirs. */
  readonly found: number;

  /** `key` is the name of the lock. */
  constructor(key: string, expected: number, found: number) {
    super(
      "DISAGREEMENT",
      `"${key}" was asked for with the number ${expected}, but those who stand in its queue go by ${found}: give all clients the same, which can be changed once nobody stands there`,
    );
    this.key = key;
    this.expected = expected;
    this.found = found;
  }
}

/** More locks were asked for at once than etcd takes in one transaction. Nothing was taken. */
export class TooManyNamesError extends MicrolockError {
  /** How many there were. */
  readonly count: number;

  /** `count` is how many names there were, each counted once. */
  constructor(count: number, options?: ErrorOptions) {
    super(
      "TOO_MANY_NAMES",
      `${count} locks at once are too many for one transaction of etcd, which takes two fewer than its --max-txn-ops says (128 by default)`,
      options,
    );
    this.count = count;
  }
}

/** What happens to a lock can't be told without a gap any more. */
export class WatchOverrunError extends MicrolockError {
  /** The name of the lock; of several, what their names begin with, and a `*`. */
  readonly key: string;

  /** `key` is the name of the lock, or what stands for several; `why` completes the message. */
  constructor(key: string, why: string) {
    super(
      "WATCH_OVERRUN",
      `What happens to lock "${key}" can't be told in full: ${why}. Begin anew, with inspect and another watch`,
    );
    this.key = key;
  }
}

/** The client was closed before or during the call. */
export class ClosedError extends MicrolockError {
  /** `what` begins the message. @default "The client" */
  constructor(what = "The client") {
    super("CLOSED", `${what} is closed`);
  }
}
