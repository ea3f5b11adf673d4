import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LockNotOwnedError } from "../../src/errors.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type Microlock from "../../src/microlock.ts";
import { deleteKey, putKey } from "./keys.ts";
import { QueueLockBench, type QueueLockSubject } from "./queue-lock-bench.ts";

/** What the 1.x class tells on every etcd v3, whichever client it is given. */
export function describeQueueEvents(what: string, subject: () => QueueLockSubject): void {
  describe(`Events of Microlock on ${what}`, () => {
    let bench: QueueLockBench;
    let name: string;
    let prefix: string;
    let etcd: Etcd;
    let foo: Microlock;
    let seen: string[];

    beforeEach(() => {
      bench = new QueueLockBench(subject());
      ({ name, prefix, etcd, foo } = bench);
      seen = [];
      follow(foo);
    });
    afterEach(() => bench.close());

    function follow(lock: Microlock): void {
      lock.on("locked", () => seen.push("locked")).on("unlocked", () => seen.push("unlocked"));
    }

    async function isSeen(...expected: string[]): Promise<void> {
      await vi.waitFor(() => expect(seen).toEqual(expected), { timeout: 5_000, interval: 5 });
    }

    it("are locked and unlocked, for whoever does it", async () => {
      const two = bench.microlock("two");
      await two.lock();
      await isSeen("locked");
      await two.unlock();
      await isSeen("locked", "unlocked");
    });

    it("come for a lock that is locked right after it was made", async () => {
      const other = bench.microlock("one", 10, `${name} too`);
      follow(other);
      await other.lock();
      await other.unlock();
      await isSeen("locked", "unlocked");
    });

    it("are unlocked when an admin deletes the key", async () => {
      const { key } = await bench.locked(foo);
      await deleteKey(etcd, key);
      await isSeen("locked", "unlocked");
    });

    it("are unlocked, then locked, when the next in the queue takes over", async () => {
      await foo.lock();
      await putKey(etcd, `${prefix}waiter`);
      await putKey(etcd, `${prefix}waiter 2`);
      await foo.unlock();
      await isSeen("locked", "unlocked", "locked");
      await deleteKey(etcd, `${prefix}waiter 2`);
      await deleteKey(etcd, `${prefix}waiter`);
      await isSeen("locked", "unlocked", "locked", "unlocked");
    });

    it("are none for a renewal", async () => {
      await foo.lock();
      await bench.microlock("one", 20).renew();
      await foo.renew();
      await foo.unlock();
      await isSeen("locked", "unlocked");
    });

    it("are error for a refusal when someone listens", async () => {
      const errors: Error[] = [];
      foo.on("error", (error) => errors.push(error));
      const error = await foo.unlock().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(LockNotOwnedError);
      expect(errors).toEqual([error]);
    });

    it("are none after destroy()", async () => {
      const witness = bench.microlock("two");
      const unlocked = new Promise<void>((resolve) => witness.once("unlocked", resolve));
      await witness.lock();
      await isSeen("locked");
      foo.destroy();
      foo.destroy();
      follow(foo);
      await witness.unlock();
      await unlocked;
      expect(seen).toEqual(["locked"]);
    });
  });
}
