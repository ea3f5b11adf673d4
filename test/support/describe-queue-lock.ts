import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { textOf } from "../../src/core/keys.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import { AlreadyLockedError, KeyRequiredError, LockNotOwnedError } from "../../src/index.ts";
import type { QueueLockAnswer } from "../../src/legacy/queue-lock.ts";
import Microlock, { type MicrolockClient } from "../../src/microlock.ts";
import { deleteKey, entriesBelow, livesLeaseOf, putKey, textsOf } from "./queue.ts";

/** What the 1.x class is tried on: a client, and the etcd behind it to look at. */
export interface QueueLockSubject {
  readonly client: MicrolockClient;
  readonly etcd: Etcd;
}

/** What the 1.x class does on every etcd v3, whichever client it is given. */
export function describeQueueLock(what: string, subject: () => QueueLockSubject): void {
  let names = 0;

  describe(`Microlock on ${what}`, () => {
    let name: string;
    let prefix: string;
    let etcd: Etcd;
    let locks: Microlock[];
    let foo: Microlock;

    function microlock(nodeId: string, ttl?: number, key = name): Microlock {
      const lock = new Microlock(subject().client, key, nodeId, ttl);
      locks.push(lock);
      return lock;
    }

    async function locked(lock: Microlock): Promise<QueueLockAnswer> {
      const answer = await lock.lock();
      if (!answer || !("fencingToken" in answer)) throw new Error("That is no answer of etcd v3");
      return answer;
    }

    beforeEach(() => {
      names += 1;
      name = `lock ${names}`;
      prefix = `microlock/${name}/`;
      ({ etcd } = subject());
      locks = [];
      foo = microlock("one", 10);
    });

    afterEach(async () => {
      for (const lock of locks) lock.destroy();
      for (const { key, lease } of await entriesBelow(etcd, prefix)) {
        if (lease) await etcd.leaseRevoke(lease);
        else await deleteKey(etcd, textOf(key));
      }
    });

    it("refuses an empty key, and a ttl that is longer than etcd can take", () => {
      const { client } = subject();
      expect(() => new Microlock(client, "", "one")).toThrow(KeyRequiredError);
      expect(() => new Microlock(client, "x", "one", 9_000_000_001)).toThrow(
        "ttl must be at most 9000000000 seconds, but is 9000000001",
      );
      expect(() => new Microlock(client, "x".repeat(4_097), "one")).toThrow("name must be at most");
    });

    describe("lock", () => {
      it("puts an entry into the queue, on a lease of its own, that says who has the lock", async () => {
        const { key, fencingToken } = await locked(foo);

        const [entry, ...others] = await entriesBelow(etcd, prefix);
        expect(others).toEqual([]);
        expect(textOf(entry?.key ?? new Uint8Array())).toBe(key);
        expect(key).toBe(`${prefix}${entry?.lease.toString(16)}-1`);
        expect(fencingToken).toBe(entry?.createRevision);
        const facts: unknown = JSON.parse(textOf(entry?.value ?? new Uint8Array()));
        expect(facts).toMatchObject({ nodeId: "one", host: hostname(), pid: process.pid });
        expect(facts).toHaveProperty("since", expect.stringMatching(/^\d{4}-\d\d-\d\dT/));
        const lease = await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n, keys: true });
        expect(lease.grantedTtl).toBe(10n);
        expect(lease.keys.map(textOf)).toEqual([key]);
      });

      it("rounds its ttl up to whole seconds", async () => {
        await microlock("one", 5.2).lock();
        const [entry] = await entriesBelow(etcd, prefix);
        expect((await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n })).grantedTtl).toBe(6n);
      });

      it("rejects with AlreadyLockedError, which says who has the lock, and leaves nothing", async () => {
        const { key, fencingToken } = await locked(foo);

        const error = await microlock("two")
          .lock()
          .catch((reason: unknown) => reason);

        expect(error).toBeInstanceOf(AlreadyLockedError);
        expect(error).toMatchObject({
          message: `Lock "${name}" is already locked by one`,
          key: name,
          holder: { nodeId: "one", key, fencingToken },
          waiters: 0,
        });
        expect(textsOf(await entriesBelow(etcd, prefix))).toEqual([key]);
      });

      it("rejects when this node has the lock itself", async () => {
        await foo.lock();
        await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
        await expect(microlock("one").lock()).rejects.toThrow(AlreadyLockedError);
      });

      it("rejects while anybody else stands in the queue, whoever wrote the entry", async () => {
        await putKey(etcd, `${prefix}694d8bb1b1c4a50a`);
        await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
      });

      it("gives a larger fencing token to every next holder", async () => {
        const first = await locked(foo);
        await foo.unlock();
        const second = await locked(microlock("two"));
        expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
        expect(second.key).not.toBe(first.key);
      });

      it("lets one in of many who come at once", async () => {
        const many = Array.from({ length: 8 }, (_, index) => microlock(`node ${index}`));
        const results = await Promise.allSettled(many.map((lock) => lock.lock()));
        expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        expect(await entriesBelow(etcd, prefix)).toHaveLength(1);
      });

      it("keeps names with slashes and percent signs apart", async () => {
        const names = [`${name}/a`, `${name}%2Fa`, `${name}`];
        const nested = names.map((key) => microlock("one", 5, key));
        for (const lock of nested) await lock.lock();
        for (const lock of nested) await lock.unlock();
      });
    });

    describe("unlock", () => {
      it("leaves neither key nor lease", async () => {
        const { key, fencingToken } = await locked(foo);
        expect(await foo.unlock()).toEqual({ key, fencingToken });
        expect(await entriesBelow(etcd, prefix)).toEqual([]);
        expect(await livesLeaseOf(etcd, key)).toBe(false);
      });

      it("touches no key but its own", async () => {
        const others = [`microlock/${name}`, `microlock/${name}!`, `microlock/${name}0`, "zzz"];
        for (const key of others) await putKey(etcd, key);
        await foo.lock();
        await foo.renew();
        await microlock("one", 20).renew();
        await foo.unlock();
        for (const key of others) {
          expect(textsOf(await entriesBelow(etcd, key))).toContain(key);
          await deleteKey(etcd, key);
        }
      });

      it("is for any object with the same node id", async () => {
        const { key } = await locked(foo);
        await microlock("one").unlock();
        expect(await livesLeaseOf(etcd, key)).toBe(false);
        await expect(foo.unlock()).rejects.toThrow(LockNotOwnedError);
      });

      it("is done by one of two who ask at once", async () => {
        await foo.lock();
        const results = await Promise.allSettled([foo.unlock(), microlock("one").unlock()]);
        expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      });
    });

    describe("renew", () => {
      it("gives the lease its full ttl again, and keeps key and token", async () => {
        const answer = await locked(foo);
        const [before] = await entriesBelow(etcd, prefix);
        expect(await foo.renew()).toEqual(answer);
        const [after] = await entriesBelow(etcd, prefix);
        expect(after).toEqual(before);
      });

      it("moves the entry to another lease for an object with another ttl", async () => {
        const answer = await locked(foo);

        expect(await microlock("one", 20).renew()).toEqual(answer);

        const [entry] = await entriesBelow(etcd, prefix);
        expect(entry?.createRevision).toBe(answer.fencingToken);
        expect((await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n })).grantedTtl).toBe(20n);
        expect(await livesLeaseOf(etcd, answer.key)).toBe(false);

        await foo.renew();
        const [again] = await entriesBelow(etcd, prefix);
        expect((await etcd.leaseTimeToLive({ id: again?.lease ?? 0n })).grantedTtl).toBe(10n);
        expect((await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n })).ttl).toBe(-1n);

        await microlock("one", 20).unlock();
        expect((await etcd.leaseTimeToLive({ id: again?.lease ?? 0n })).ttl).toBe(-1n);
      });

      it("comes through when two objects with different ttls ask at once", async () => {
        const { fencingToken } = await locked(foo);
        await Promise.all([foo, microlock("one", 20), microlock("one", 30)].map((l) => l.renew()));
        const [entry] = await entriesBelow(etcd, prefix);
        expect(entry?.createRevision).toBe(fencingToken);
      });
    });

    describe.each(["unlock", "renew"] as const)("%s", (method) => {
      it("rejects with LockNotOwnedError when nobody has the lock", async () => {
        await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
        await expect(foo[method]()).rejects.toThrow(`Lock "${name}" is not owned by node "one"`);
      });

      it("rejects when another node has the lock", async () => {
        const { key } = await locked(microlock("two"));
        await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
        expect(textsOf(await entriesBelow(etcd, prefix))).toEqual([key]);
      });

      it("rejects for a hold of `acquire` with the same node id: its lease is its session's", async () => {
        const { id } = await etcd.leaseGrant({ ttl: 10n });
        const facts = { nodeId: "one", host: "there", pid: 1, since: "2026-01-01T00:00:00.000Z" };
        await putKey(etcd, `${prefix}${id.toString(16)}-1`, JSON.stringify(facts), id);
        await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
        expect((await etcd.leaseTimeToLive({ id })).ttl).toBeGreaterThan(0n);
        await etcd.leaseRevoke(id);
      });

      it.each(["", "null", "[]", '"one"', "\u0000", '{"nodeId":"one"'])(
        "rejects when the holder's value is %j",
        async (value) => {
          const { id } = await etcd.leaseGrant({ ttl: 10n });
          await putKey(etcd, `${prefix}${id.toString(16)}`, value, id);
          await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
          await etcd.leaseRevoke(id);
        },
      );

      it("rejects when our entry is not the first in the queue", async () => {
        await putKey(etcd, `${prefix}foreign`);
        const { id } = await etcd.leaseGrant({ ttl: 10n });
        const facts = { nodeId: "one", ttl: 10, api: "1.x" };
        await putKey(etcd, `${prefix}${id.toString(16)}-1`, JSON.stringify(facts), id);
        await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
        await etcd.leaseRevoke(id);
      });

      it("rejects when an admin deleted the key", async () => {
        const { key } = await locked(foo);
        await deleteKey(etcd, key);
        await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
      });

      it("goes on to work after destroy()", async () => {
        await foo.lock();
        foo.destroy();
        await foo[method]();
      });
    });

    describe("events", () => {
      let seen: string[];

      function follow(lock: Microlock): void {
        lock.on("locked", () => seen.push("locked")).on("unlocked", () => seen.push("unlocked"));
      }

      beforeEach(() => {
        seen = [];
        follow(foo);
      });

      async function isSeen(...expected: string[]): Promise<void> {
        await vi.waitFor(() => expect(seen).toEqual(expected), { timeout: 5_000, interval: 5 });
      }

      it("are locked and unlocked, for whoever does it", async () => {
        const two = microlock("two");
        await two.lock();
        await isSeen("locked");
        await two.unlock();
        await isSeen("locked", "unlocked");
      });

      it("come for a lock that is locked right after it was made", async () => {
        const other = microlock("one", 10, `${name} too`);
        follow(other);
        await other.lock();
        await other.unlock();
        await isSeen("locked", "unlocked");
      });

      it("are unlocked when an admin deletes the key", async () => {
        const { key } = await locked(foo);
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
        await microlock("one", 20).renew();
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
        const witness = microlock("two");
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
  });
}
