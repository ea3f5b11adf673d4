import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { textOf } from "../../src/core/keys.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import { AlreadyLockedError, KeyRequiredError, LockNotOwnedError } from "../../src/index.ts";
import Microlock from "../../src/microlock.ts";
import { describeQueueEvents } from "./describe-queue-events.ts";
import { deleteKey, entriesBelow, livesLeaseOf, putKey, textsOf } from "./keys.ts";
import { QueueLockBench, type QueueLockSubject } from "./queue-lock-bench.ts";

/** What the 1.x class does on every etcd v3, whichever client it is given. */
export function describeQueueLock(what: string, subject: () => QueueLockSubject): void {
  describeQueueEvents(what, subject);

  describe(`Microlock on ${what}`, () => {
    let bench: QueueLockBench;
    let name: string;
    let prefix: string;
    let etcd: Etcd;
    let foo: Microlock;

    beforeEach(() => {
      bench = new QueueLockBench(subject());
      ({ name, prefix, etcd, foo } = bench);
    });
    afterEach(() => bench.close());

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
        const { key, fencingToken } = await bench.locked(foo);

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
        await bench.microlock("one", 5.2).lock();
        const [entry] = await entriesBelow(etcd, prefix);
        expect((await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n })).grantedTtl).toBe(6n);
      });

      it("rejects with AlreadyLockedError, which says who has the lock, and leaves nothing", async () => {
        const { key, fencingToken } = await bench.locked(foo);

        const error = await bench
          .microlock("two")
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
        await expect(bench.microlock("one").lock()).rejects.toThrow(AlreadyLockedError);
      });

      it("rejects while anybody else stands in the queue, whoever wrote the entry", async () => {
        await putKey(etcd, `${prefix}694d8bb1b1c4a50a`);
        await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
      });

      it("gives a larger fencing token to every next holder", async () => {
        const first = await bench.locked(foo);
        await foo.unlock();
        const second = await bench.locked(bench.microlock("two"));
        expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
        expect(second.key).not.toBe(first.key);
      });

      it("lets one in of many who come at once", async () => {
        const many = Array.from({ length: 8 }, (_, index) => bench.microlock(`node ${index}`));
        const results = await Promise.allSettled(many.map((lock) => lock.lock()));
        expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        expect(await entriesBelow(etcd, prefix)).toHaveLength(1);
      });

      it("keeps names with slashes and percent signs apart", async () => {
        const names = [`${name}/a`, `${name}%2Fa`, `${name}`];
        const nested = names.map((key) => bench.microlock("one", 5, key));
        for (const lock of nested) await lock.lock();
        for (const lock of nested) await lock.unlock();
      });
    });

    describe("unlock", () => {
      it("leaves neither key nor lease", async () => {
        const { key, fencingToken } = await bench.locked(foo);
        expect(await foo.unlock()).toEqual({ key, fencingToken });
        expect(await entriesBelow(etcd, prefix)).toEqual([]);
        expect(await livesLeaseOf(etcd, key)).toBe(false);
      });

      it("touches no key but its own", async () => {
        const others = [`microlock/${name}`, `microlock/${name}!`, `microlock/${name}0`, "zzz"];
        for (const key of others) await putKey(etcd, key);
        await foo.lock();
        await foo.renew();
        await bench.microlock("one", 20).renew();
        await foo.unlock();
        for (const key of others) {
          expect(textsOf(await entriesBelow(etcd, key))).toContain(key);
          await deleteKey(etcd, key);
        }
      });

      it("is for any object with the same node id", async () => {
        const { key } = await bench.locked(foo);
        await bench.microlock("one").unlock();
        expect(await livesLeaseOf(etcd, key)).toBe(false);
        await expect(foo.unlock()).rejects.toThrow(LockNotOwnedError);
      });

      it("is done by one of two who ask at once", async () => {
        await foo.lock();
        const results = await Promise.allSettled([foo.unlock(), bench.microlock("one").unlock()]);
        expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      });
    });

    describe("renew", () => {
      it("gives the lease its full ttl again, and keeps key and token", async () => {
        const answer = await bench.locked(foo);
        const [before] = await entriesBelow(etcd, prefix);
        expect(await foo.renew()).toEqual(answer);
        const [after] = await entriesBelow(etcd, prefix);
        expect(after).toEqual(before);
      });

      it("moves the entry to another lease for an object with another ttl", async () => {
        const answer = await bench.locked(foo);

        expect(await bench.microlock("one", 20).renew()).toEqual(answer);

        const [entry] = await entriesBelow(etcd, prefix);
        expect(entry?.createRevision).toBe(answer.fencingToken);
        expect((await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n })).grantedTtl).toBe(20n);
        expect(await livesLeaseOf(etcd, answer.key)).toBe(false);

        await foo.renew();
        const [again] = await entriesBelow(etcd, prefix);
        expect((await etcd.leaseTimeToLive({ id: again?.lease ?? 0n })).grantedTtl).toBe(10n);
        expect((await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n })).ttl).toBe(-1n);

        await bench.microlock("one", 20).unlock();
        expect((await etcd.leaseTimeToLive({ id: again?.lease ?? 0n })).ttl).toBe(-1n);
      });

      it("comes through when two objects with different ttls ask at once", async () => {
        const { fencingToken } = await bench.locked(foo);
        await Promise.all(
          [foo, bench.microlock("one", 20), bench.microlock("one", 30)].map((l) => l.renew()),
        );
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
        const { key } = await bench.locked(bench.microlock("two"));
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
        const { key } = await bench.locked(foo);
        await deleteKey(etcd, key);
        await expect(foo[method]()).rejects.toThrow(LockNotOwnedError);
      });

      it("goes on to work after destroy()", async () => {
        await foo.lock();
        foo.destroy();
        await foo[method]();
      });
    });
  });
}
