import { expect } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Contender } from "../../src/index.ts";
import type { Locks } from "../../src/locks.ts";
import { allKeys, deleteKey } from "./keys.ts";
import { soon } from "./server-state.ts";

/** A client that looks at what others do, and takes it away from them. */
export class Onlooker implements AsyncDisposable {
  readonly locks: Locks;

  constructor(locks: Locks) {
    this.locks = locks;
  }

  static async at(endpoint: string): Promise<Onlooker> {
    return new Onlooker(await connect(endpoint));
  }

  /** Who holds a lock; of several, the first. */
  async holderOf(name: string): Promise<Contender> {
    const [holder] = (await this.locks.inspect(name)).holders;
    if (!holder) throw new Error(`Nobody holds ${name}`);
    return holder;
  }

  /** Resolves once so many wait for a lock. */
  async waitersAre(name: string, count: number): Promise<void> {
    await soon(async () => {
      const { waiters } = await this.locks.inspect(name);
      // What keeps others out after a loss is no waiter.
      expect(waiters.filter(({ mode }) => mode !== "kept")).toHaveLength(count);
    });
  }

  /** Deletes the key of a lock's holder. */
  async deleteKeyOf(name: string): Promise<void> {
    await deleteKey(this.locks.etcd, (await this.holderOf(name)).key);
  }

  /** Revokes the lease of a lock's holder. */
  async revokeLeaseOf(name: string): Promise<void> {
    await this.locks.etcd.leaseRevoke((await this.holderOf(name)).lease);
  }

  /** Resolves once no lock is held, and nobody waits. */
  async nothingIsLeft(): Promise<void> {
    await soon(async () => {
      const keys = await allKeys(this.locks.etcd);
      // Sessions have a key each; ours is there.
      expect(keys.filter((key) => !key.includes("%session"))).toEqual([]);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.locks.close();
  }
}
