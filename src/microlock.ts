import { EventEmitter } from "node:events";
import { type Clock, systemClock } from "./clock.ts";
import { lockKey } from "./core/keys.ts";
import { checkName } from "./core/options.ts";
import {
  AlreadyLockedError,
  EtcdClientRequiredError,
  InvalidTtlError,
  KeyRequiredError,
  LockNotOwnedError,
  NodeIdRequiredError,
} from "./errors.ts";
import type { Etcd } from "./etcd/api.ts";
import { isEtcd3 } from "./etcd/etcd3/client.ts";
import { Etcd3Store } from "./etcd/etcd3/etcd3-store.ts";
import { isNodeEtcd, type NodeEtcd, type NodeEtcdResponse } from "./etcd/v2/node-etcd.ts";
import type { LockBackend } from "./legacy/backend.ts";
import { QueueLock, type QueueLockAnswer } from "./legacy/queue-lock.ts";
import { leaseTtlOf, ttlOf } from "./legacy/ttl.ts";
import { V2Lock } from "./legacy/v2-lock.ts";

/** The names of the events that a `Microlock` emits. */
export const events = {
  /** Somebody has the lock who did not have it before. */
  locked: "locked",
  /** Whoever had the lock has it no longer: unlocked, deleted or expired. */
  unlocked: "unlocked",
  /** A refusal, or trouble with following the lock. Emitted only when someone listens. */
  error: "error",
} as const;

/** The events of a `Microlock`, and what their listeners are called with. */
export interface MicrolockEvents {
  /** Somebody has the lock who did not have it before: this node or another one. */
  locked: [];
  /** Whoever had the lock has it no longer: unlocked, deleted or expired. */
  unlocked: [];
  /** A refusal, which `lock`, `unlock` or `renew` also rejects with, or trouble with following the lock. */
  error: [Error];
}

/** As much of a client from `connect()` as the 1.x class needs. */
export interface QueueClient {
  /** The port to etcd v3 that the lock works on. */
  readonly etcd: Etcd;
  /** Where it takes the time from. @default the process's monotonic clock */
  readonly clock?: Clock | undefined;
  /** What an entry's key in the queue of `name` begins with, without the slash. */
  keyOf(name: string): string;
}

/** An `Etcd3` of the `etcd3` package, by what tells it from other clients: its raw clients. */
export interface Etcd3Client {
  /** For transactions. */
  readonly kv: object;
  /** For leases. */
  readonly leaseClient: object;
  /** For watches. */
  readonly watchClient: object;
  /** Ends the client. A `Microlock` never calls it. */
  close(): unknown;
}

/** The clients that a `Microlock` works with. */
export type MicrolockClient = NodeEtcd | QueueClient | Etcd3Client;

/**
 * What the methods of a `Microlock` resolve with: the v2 API's own answer, or, on etcd v3,
 * the lock's key and fencing token.
 */
export type MicrolockAnswer<Client extends MicrolockClient = MicrolockClient> =
  Client extends NodeEtcd ? NodeEtcdResponse | undefined : QueueLockAnswer;

// The namespace that `connect()` uses unless it is told another one.
const defaultNamespace = "microlock/";

/**
 * The lock of microlock 1.x: try to lock, renew by hand, unlock. For new code take
 * `connect()`, whose locks wait for their turn, renew themselves, and tell when they are lost.
 *
 * The lock belongs to `node_id`: any object with the same id, in any process, may unlock
 * and renew it. It ends by itself after `ttl` seconds unless it is renewed, and nobody is
 * told except by the event `unlocked`.
 *
 * What it works on depends on the client:
 *
 * - a `node-etcd` client: the etcd v2 API, with the requests of 1.2.1, so that it excludes
 *   processes that still run 1.x. All methods resolve with what the client answers.
 * - a client from `connect()`, or an `Etcd3` of the `etcd3` package: etcd v3. The lock
 *   is an entry in the same queue that `acquire`, Go's `concurrency.Mutex` and `etcdctl lock`
 *   use, and they exclude each other. All methods resolve with its key and fencing token. A
 *   hold of `acquire` can't be unlocked or renewed from here, whatever its node id.
 *
 * The two APIs are two worlds: a lock in one does not exclude the same lock in the other.
 *
 * It follows the lock from the start, for its events, until `destroy` is called. Until then
 * it may keep the process alive.
 *
 * @example
 * ```js
 * import { hostname } from "node:os";
 * import Microlock, { AlreadyLockedError, connect } from "microlock";
 *
 * const foo = new Microlock(await connect(), "foo", hostname(), 5);
 * try {
 *   await foo.lock();
 *   // foo is locked by this node, for 5 seconds
 *   await foo.unlock();
 * } catch (error) {
 *   if (!(error instanceof AlreadyLockedError)) throw error;
 *   // foo is locked by somebody else
 * } finally {
 *   foo.destroy();
 * }
 * ```
 */
export default class Microlock<
  Client extends MicrolockClient = MicrolockClient,
> extends EventEmitter<MicrolockEvents> {
  /** The names of the events. */
  static readonly events: typeof events = events;
  /** `lock()` of a lock that somebody has. */
  static readonly AlreadyLockedError: typeof AlreadyLockedError = AlreadyLockedError;
  /** The first argument is no client that can be used. */
  static readonly EtcdClientRequiredError: typeof EtcdClientRequiredError = EtcdClientRequiredError;
  /** The ttl is no number. */
  static readonly InvalidTtlError: typeof InvalidTtlError = InvalidTtlError;
  /** The key is not a string. */
  static readonly KeyRequiredError: typeof KeyRequiredError = KeyRequiredError;
  /** `unlock()` or `renew()` of a lock that this node does not have. */
  static readonly LockNotOwnedError: typeof LockNotOwnedError = LockNotOwnedError;
  /** The node id is not a string. */
  static readonly NodeIdRequiredError: typeof NodeIdRequiredError = NodeIdRequiredError;

  readonly #backend: LockBackend<MicrolockAnswer<Client>>;
  readonly #stopWatching: () => void;

  /**
   * @param key the name of the lock
   * @param node_id who locks it
   * @param ttl how long the lock lasts unless it is renewed, in seconds. Below 1 counts as 1.
   *   On etcd v3 it is rounded up to whole seconds, and etcd may grant more: 2 at the least,
   *   with its default settings.
   * @throws {EtcdClientRequiredError} when `etcd` is none of the clients above. An object of
   *   `Etcd3.namespace()` is none either.
   * @throws {KeyRequiredError} when `key` is no string, or on etcd v3 an empty one
   * @throws {InvalidOptionError} on etcd v3, when `key` is over 4,096 bytes long or no
   *   well-formed string, or when `ttl` is longer than etcd can take
   * @throws {NodeIdRequiredError} when `node_id` is no string
   * @throws {InvalidTtlError} when `ttl` is no number
   */
  constructor(etcd: Client, key: string, node_id: string, ttl = 1) {
    if (!etcd) throw new EtcdClientRequiredError();
    if (typeof key !== "string") throw new KeyRequiredError();
    if (typeof node_id !== "string") throw new NodeIdRequiredError();
    const seconds = ttlOf(ttl);
    const backend = backendFor(etcd, key, node_id, seconds);

    super();
    // Which answers it has follows from the client, as `MicrolockAnswer` says.
    this.#backend = backend as LockBackend<MicrolockAnswer<Client>>;
    this.#stopWatching = backend.watch({
      onLocked: () => this.emit(events.locked),
      onUnlocked: () => this.emit(events.unlocked),
      onError: (error) => this.#emitError(error),
    });
  }

  /**
   * Locks it, or says at once that somebody has it. It does not wait.
   *
   * @throws {AlreadyLockedError} when anybody has the lock, this node included. On etcd v3
   *   nobody who waits for it is overtaken either, and nothing is left behind.
   * @throws {StoreUnavailableError} on etcd v3, when there is no answer within 5 seconds. Then
   *   the lock may have been locked all the same, for one ttl at the most.
   */
  async lock(): Promise<MicrolockAnswer<Client>> {
    return this.#refusalsEmitted(this.#backend.lock());
  }

  /**
   * Unlocks it.
   *
   * @throws {LockNotOwnedError} when this node does not have the lock, perhaps not any more
   */
  async unlock(): Promise<MicrolockAnswer<Client>> {
    return this.#refusalsEmitted(this.#backend.unlock());
  }

  /**
   * Makes it last another `ttl` seconds from now. The fencing token stays.
   *
   * @throws {LockNotOwnedError} when this node does not have the lock, perhaps not any more
   */
  async renew(): Promise<MicrolockAnswer<Client>> {
    return this.#refusalsEmitted(this.#backend.renew());
  }

  /**
   * Stops following the lock, and removes all listeners. It does not unlock. The other
   * methods go on to work. Calling it twice does nothing.
   */
  destroy(): void {
    this.#stopWatching();
    this.removeAllListeners();
  }

  async #refusalsEmitted<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof AlreadyLockedError || error instanceof LockNotOwnedError) {
        this.#emitError(error);
      }
      throw error;
    }
  }

  // An emitter throws an `error` that nobody listens to, which in the midst of a watch would
  // end the process.
  #emitError(error: Error): void {
    if (this.listenerCount(events.error) > 0) this.emit(events.error, error);
  }
}

function backendFor(client: object, key: string, nodeId: string, ttl: number): LockBackend {
  if (isNodeEtcd(client)) return new V2Lock(client, key, nodeId, ttl);
  const queue = queueClient(client);
  if (key === "") throw new KeyRequiredError();
  const { etcd, clock = systemClock } = queue;
  const prefix = `${queue.keyOf(key)}/`;
  return new QueueLock({ etcd, clock, prefix, name: key, nodeId, ttl: leaseTtlOf(ttl) });
}

function queueClient(client: object): QueueClient {
  if (isQueueClient(client)) return client;
  if (!isEtcd3(client)) throw new EtcdClientRequiredError();
  return {
    etcd: new Etcd3Store(client, systemClock),
    keyOf(name) {
      checkName(name);
      return lockKey(defaultNamespace, name);
    },
  };
}

function isQueueClient(value: object): value is QueueClient {
  const client: Partial<Record<keyof QueueClient, unknown>> = value;
  return (
    typeof client.keyOf === "function" && typeof client.etcd === "object" && client.etcd !== null
  );
}
