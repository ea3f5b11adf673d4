import { AlreadyLockedError, LockNotOwnedError } from "../errors.ts";
import {
  type NodeEtcd,
  type NodeEtcdCallback,
  type NodeEtcdResponse,
  stopWatcher,
} from "../etcd/v2/node-etcd.ts";
import type { LockBackend, LockListener } from "./backend.ts";

// The v2 API's words for a refusal.
const keyNotFound = 100;
const compareFailed = 101;
const keyExists = 105;

/**
 * The lock as microlock 1.2.1 had it: a key of the v2 API whose value is the node's id.
 *
 * Its requests are those of 1.2.1, each sent before the method returns, so that an old and
 * a new process exclude each other.
 */
export class V2Lock implements LockBackend<NodeEtcdResponse | undefined> {
  readonly #etcd: NodeEtcd;
  readonly #key: string;
  readonly #nodeId: string;
  readonly #ttl: number;

  constructor(etcd: NodeEtcd, key: string, nodeId: string, ttl: number) {
    this.#etcd = etcd;
    this.#key = key;
    this.#nodeId = nodeId;
    this.#ttl = ttl;
  }

  async lock(): Promise<NodeEtcdResponse | undefined> {
    const options = { ttl: this.#ttl, prevExist: false };
    try {
      return await answered((done) => this.#etcd.set(this.#key, this.#nodeId, options, done));
    } catch (error) {
      throw errorCode(error) === keyExists ? new AlreadyLockedError(this.#key) : error;
    }
  }

  async unlock(): Promise<NodeEtcdResponse | undefined> {
    try {
      return await answered((done) => this.#etcd.compareAndDelete(this.#key, this.#nodeId, done));
    } catch (error) {
      throw this.#notOwned(error) ?? error;
    }
  }

  async renew(): Promise<NodeEtcdResponse | undefined> {
    const options = { prevValue: this.#nodeId, refresh: true, ttl: this.#ttl };
    try {
      return await answered((done) => this.#etcd.set(this.#key, null, options, done));
    } catch (error) {
      throw this.#notOwned(error) ?? error;
    }
  }

  watch(listener: LockListener): () => void {
    const watcher = this.#etcd.watcher(this.#key);
    const listeners = {
      change: (change: unknown) => {
        if (changesHands(change as NodeEtcdResponse)) listener.onLocked();
      },
      compareAndDelete: () => listener.onUnlocked(),
      delete: () => listener.onUnlocked(),
      expire: () => listener.onUnlocked(),
      error: (error: unknown) => listener.onError(error as Error),
    };
    for (const [event, listen] of Object.entries(listeners)) watcher.on(event, listen);

    let stopped = false;
    return () => {
      if (stopped) return;
      stopped = true;
      stopWatcher(watcher);
      for (const [event, listen] of Object.entries(listeners)) {
        watcher.removeListener?.(event, listen);
      }
    };
  }

  #notOwned(error: unknown): LockNotOwnedError | undefined {
    const code = errorCode(error);
    return code === keyNotFound || code === compareFailed
      ? new LockNotOwnedError(this.#key, this.#nodeId)
      : undefined;
  }
}

/**
 * Whether a change gives the lock to somebody who did not have it. A key with a TTL is a
 * lock; the same value as before means that it was only prolonged.
 */
function changesHands({ node, prevNode }: NodeEtcdResponse): boolean {
  return Boolean(node?.ttl) && (!prevNode || prevNode.value !== node?.value);
}

function answered(
  send: (done: NodeEtcdCallback) => unknown,
): Promise<NodeEtcdResponse | undefined> {
  return new Promise((resolve, reject) => {
    send((error, response) => (error ? reject(error) : resolve(response)));
  });
}

function errorCode(error: unknown): unknown {
  return typeof error === "object" && error !== null && "errorCode" in error
    ? error.errorCode
    : undefined;
}
