import { textOf } from "../../src/core/keys.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { QueueLockAnswer } from "../../src/legacy/queue-lock.ts";
import Microlock, { type MicrolockClient } from "../../src/microlock.ts";
import { deleteKey, entriesBelow } from "./keys.ts";

/** What the 1.x class is tried on: a client, and the etcd behind it to look at. */
export interface QueueLockSubject {
  readonly client: MicrolockClient;
  readonly etcd: Etcd;
}

let names = 0;

/** A lock with a name of its own for each test, and objects of several nodes for it. */
export class QueueLockBench {
  readonly name: string;
  readonly prefix: string;
  readonly etcd: Etcd;
  /** The lock of node "one", for ten seconds. */
  readonly foo: Microlock;
  readonly #client: MicrolockClient;
  readonly #locks: Microlock[] = [];

  constructor({ client, etcd }: QueueLockSubject) {
    names += 1;
    this.name = `lock ${names}`;
    this.prefix = `microlock/${this.name}/`;
    this.etcd = etcd;
    this.#client = client;
    this.foo = this.microlock("one", 10);
  }

  microlock(nodeId: string, ttl?: number, key = this.name): Microlock {
    const lock = new Microlock(this.#client, key, nodeId, ttl);
    this.#locks.push(lock);
    return lock;
  }

  async locked(lock: Microlock): Promise<QueueLockAnswer> {
    const answer = await lock.lock();
    if (!answer || !("fencingToken" in answer)) throw new Error("That is no answer of etcd v3");
    return answer;
  }

  /** Destroys all objects, and removes what they left locked. */
  async close(): Promise<void> {
    for (const lock of this.#locks) lock.destroy();
    for (const { key, lease } of await entriesBelow(this.etcd, this.prefix)) {
      if (lease) await this.etcd.leaseRevoke(lease);
      else await deleteKey(this.etcd, textOf(key));
    }
  }
}
