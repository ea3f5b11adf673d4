/**
 * A client for etcd's v2 API with the shape of the `node-etcd` package: as much of it as
 * we use. A client of one's own that has these methods will do.
 */
export interface NodeEtcd {
  /** Writes a key, or with `refresh` only its TTL, under the conditions in `options`. */
  set(
    key: string,
    value: string | null,
    options: NodeEtcdSetOptions,
    done: NodeEtcdCallback,
  ): unknown;

  /** Deletes a key if it has the value `previous`. */
  compareAndDelete(key: string, previous: string, done: NodeEtcdCallback): unknown;

  /** Follows the changes of a key. */
  watcher(key: string): NodeEtcdWatcher;
}

/** The conditions and the time to live of a write. */
export interface NodeEtcdSetOptions {
  /** In seconds. */
  readonly ttl?: number;
  /** `false`: only if the key does not exist. */
  readonly prevExist?: boolean;
  /** Only if the key has this value. */
  readonly prevValue?: string;
  /** Keeps the value, and tells no watcher. */
  readonly refresh?: boolean;
}

/** Gets either an error, with etcd's `errorCode` where etcd refused, or the answer. */
export type NodeEtcdCallback = (error: unknown, response?: NodeEtcdResponse) => void;

/** What the v2 API answers, and what it tells a watcher. */
export interface NodeEtcdResponse {
  /** `create`, `set`, `update`, `compareAndSwap`, `delete`, `compareAndDelete` or `expire`. */
  readonly action?: string;
  /** The key as it is now. */
  readonly node?: NodeEtcdNode;
  /** The key as it was before. */
  readonly prevNode?: NodeEtcdNode;
}

/** A key of the v2 API. */
export interface NodeEtcdNode {
  /** Its path, which begins with a slash. */
  readonly key?: string;
  /** The node id of whoever has the lock. */
  readonly value?: string;
  /** The seconds that it has left; absent when it stays. */
  readonly ttl?: number;
  /** When it ends, as an ISO 8601 time by the server's clock. */
  readonly expiration?: string;
  /** The index at which it came to be: larger for every later holder. */
  readonly createdIndex?: number;
  /** The index of its last change. */
  readonly modifiedIndex?: number;
}

/**
 * Emits `change` for every change of its key, then an event named after the action, and
 * `error` for an answer that it does not understand. It goes on over reconnections.
 */
export interface NodeEtcdWatcher {
  /** Adds a listener. */
  on(event: string, listener: (argument: unknown) => void): unknown;
  /** Removes a listener. Without it, listeners stay until the watcher is collected. */
  removeListener?(event: string, listener: (argument: unknown) => void): unknown;
  /** Ends the request under way, and asks no more. */
  stop(): unknown;
}

/** Whether a value has the methods of a `node-etcd` client. */
export function isNodeEtcd(value: object): value is NodeEtcd {
  const client: Partial<Record<keyof NodeEtcd, unknown>> = value;
  return (
    typeof client.set === "function" &&
    typeof client.compareAndDelete === "function" &&
    typeof client.watcher === "function"
  );
}

/**
 * Stops a watcher for good. Between two connections, node-etcd's own `stop` leaves a timer
 * behind that opens the next one, which nobody would ever close; here it is closed at once.
 */
export function stopWatcher(watcher: NodeEtcdWatcher): void {
  watcher.stop();
  if (!("request" in watcher)) return;
  Object.defineProperty(watcher, "request", {
    set: (request: { abort?: () => void } | undefined) => request?.abort?.(),
  });
}
