import { claimsOf, entryValue } from "./entry.ts";
import { Hold } from "./hold.ts";
import { type AcquireOptions, Lock } from "./lock.ts";
import type { Waiting } from "./requester.ts";
import { readRule, writeRule } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/** A hold of a lock for writing, which can become one for reading. */
export class WriteHold extends Hold {
  /**
   * Goes on as a reader: other readers get in, but no writer in between. It keeps its key and
   * token; a release lets go of it as before. It cannot become a writer again. Twice does nothing.
   *
   * ```ts
   * const hold = await locks.rwLock("catalogue").write.acquire();
   * await rebuild();
   * await hold.downgrade(); // others may read along with us now
   * await serve();
   * await hold.release();
   * ```
   *
   * @throws {LockLostError} when the lock is not ours any more.
   * @throws {StoreUnavailableError} when etcd does not answer in time. It may be a reader's then.
   */
  async downgrade(options: Waiting = {}): Promise<this> {
    if (this.mode === "read") {
      this.assertHeld();
      return this;
    }
    const { identity, clock } = this.place.session.options;
    const { reason } = claimsOf(this.place.value);
    const value = entryValue(identity, clock.wallTime(), { reason, state: "reader" });
    this.place.becameReader(await this.rewrite(value, options));
    return this;
  }
}

/**
 * A lock that either one writer has, or any number of readers. First come, first served:
 * readers in a row hold together, and a waiting writer is not overtaken by later readers.
 *
 * Writers are what `mutex(name)`, Go's `concurrency.Mutex` and `etcdctl lock` are to each other;
 * readers wait for all of those ahead, and are waited for by them. Go's `recipes.RWMutex` stands in
 * the same queue.
 *
 * ```ts
 * const catalogue = locks.rwLock("catalogue");
 * await catalogue.read.run(async () => serve());
 * await catalogue.write.run(async () => rebuild());
 * ```
 */
export class RwLock {
  /** The name of the lock. */
  readonly name: string;
  /** The lock for reading: held together with other readers. */
  readonly read: Lock<Hold, AcquireOptions>;
  /** The lock for writing: held alone. */
  readonly write: Lock<WriteHold, AcquireOptions>;

  /** @internal */
  constructor(sessions: Sessions, name: string) {
    this.name = name;
    const names = [name];
    this.read = new Lock<Hold, AcquireOptions>(sessions, {
      names,
      rule: () => readRule,
      hold: (place) => new Hold(place),
    });
    this.write = new Lock<WriteHold, AcquireOptions>(sessions, {
      names,
      rule: () => writeRule,
      hold: (place) => new WriteHold(place),
    });
  }
}
