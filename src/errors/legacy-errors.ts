import { MicrolockError } from "./microlock-error.ts";

/** 1.x class: the first argument is no client that it can use. */
export class EtcdClientRequiredError extends MicrolockError {
  /** The message is that of 1.x. */
  constructor() {
    super("ETCD_CLIENT_REQUIRED", "etcd client parameter is required");
  }
}

/** 1.x class: the key is not a string. */
export class KeyRequiredError extends MicrolockError {
  /** The message is that of 1.x. */
  constructor() {
    super("KEY_REQUIRED", "key parameter of type String is required");
  }
}

/** 1.x class: the node id is not a string. */
export class NodeIdRequiredError extends MicrolockError {
  /** The message is that of 1.x. */
  constructor() {
    super("NODE_ID_REQUIRED", "node_id parameter of type String is required");
  }
}

/** 1.x class: the ttl is no number. */
export class InvalidTtlError extends MicrolockError {
  /** The message is that of 1.x. */
  constructor() {
    super("INVALID_TTL", "ttl parameter must be of type Number");
  }
}

/** 1.x class: `unlock` or `renew` of a lock that this node does not hold. */
export class LockNotOwnedError extends MicrolockError {
  /** The name of the lock. */
  readonly key: string;
  /** The node that does not have it. */
  readonly nodeId: string;

  /** `key` is the name of the lock, `nodeId` who does not own it. */
  constructor(key: string, nodeId: string) {
    super("LOCK_NOT_OWNED", `Lock "${key}" is not owned by node "${nodeId}"`);
    this.key = key;
    this.nodeId = nodeId;
  }
}
