import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AlreadyLockedError, StoreUnavailableError } from "../../src/errors.ts";
import type { TxnRequest } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { QueueLock } from "../../src/legacy/queue-lock.ts";
import { type Fault, FaultyEtcd } from "../support/faulty-etcd.ts";
import { deleteKey, entriesBelow, livesLeaseOf, putKey } from "../support/keys.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("QueueLock", () => {
  const prefix = "microlock/foo/";
  let clock: SimulatedClock;
  let etcd: EmbeddedEtcd;
  let network: FaultyEtcd;
  let foo: QueueLock;

  function queueLock(nodeId: string, ttl = 10): QueueLock {
    return new QueueLock({ etcd: network.port, clock, prefix, name: "foo", nodeId, ttl });
  }

  /** Lets time pass until the promise settles. */
  async function inTime<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    while (!settled) await clock.advance(10);
    return promise;
  }

  beforeEach(() => {
    clock = new SimulatedClock();
    etcd = new EmbeddedEtcd({ clock });
    network = new FaultyEtcd(etcd);
    foo = queueLock("one");
  });

  afterEach(() => etcd.close());

  it("looks first, so that coming in vain costs one request", async () => {
    await queueLock("two").lock();
    network.mend();
    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    expect(network.sent).toEqual(["txn"]);
  });

  it("ends its lease when somebody is faster between the look and the entry", async () => {
    network.fail(async (index) => {
      if (index === 1) await putKey(etcd, `${prefix}faster`);
      return undefined;
    });
    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    expect(network.sent).toEqual(["txn", "leaseGrant", "txn", "leaseRevoke"]);
    expect(await entriesBelow(etcd, prefix)).toHaveLength(1);
  });

  it("ends by itself after its ttl", async () => {
    await foo.lock();
    await clock.advance(9_900);
    await expect(queueLock("two").lock()).rejects.toThrow(AlreadyLockedError);
    await clock.advance(700);
    await queueLock("two").lock();
  });

  it("lasts for its ttl from the last renewal", async () => {
    const { fencingToken } = await foo.lock();
    for (let turn = 0; turn < 3; turn++) {
      await clock.advance(9_000);
      expect(await foo.renew()).toMatchObject({ fencingToken });
    }
    await queueLock("one", 30).renew();
    await clock.advance(29_000);
    expect(await foo.unlock()).toMatchObject({ fencingToken });
  });

  it.each(["unlock", "renew"] as const)("rejects %s() after it has run out", async (method) => {
    await foo.lock();
    await clock.advance(11_000);
    await expect(foo[method]()).rejects.toThrow('Lock "foo" is not owned by node "one"');
  });

  it("does not trust an answer that comes when the lease may be over", async () => {
    const { txn } = network.port;
    Object.assign(network.port, {
      txn: async (request: TxnRequest) => {
        const answer = await txn(request);
        if (network.sent.length === 3) clock.jump(10_000);
        return answer;
      },
    });
    await expect(foo.lock()).rejects.toThrow(StoreUnavailableError);
    expect(network.sent).toEqual(["txn", "leaseGrant", "txn", "leaseRevoke"]);
    expect(await entriesBelow(etcd, prefix)).toEqual([]);
  });

  it("does not believe a keepalive alone: the key may be gone while its lease lives", async () => {
    const { key } = await foo.lock();
    network.fail(async (_index, name) => {
      if (name === "leaseKeepAlive") await deleteKey(etcd, key);
      return undefined;
    });
    await expect(foo.renew()).rejects.toThrow("is not owned by");
  });

  it("does not renew forever what cannot be renewed", async () => {
    await foo.lock();
    const keepAlive = network.port.leaseKeepAlive;
    Object.assign(network.port, {
      leaseKeepAlive: async (id: bigint) => ({ ...(await keepAlive(id)), ttl: 0n }),
    });
    await expect(foo.renew()).rejects.toThrow("is not owned by");
  });

  it("removes its own entry only, when another one comes in its place meanwhile", async () => {
    const { key } = await foo.lock();
    network.fail(async (index) => {
      if (index !== 1) return undefined;
      await deleteKey(etcd, key);
      await putKey(etcd, key, "another");
      return undefined;
    });
    await expect(foo.unlock()).rejects.toThrow("is not owned by");
    expect(await entriesBelow(etcd, prefix)).toHaveLength(1);
  });

  it("unlocks an entry that somebody wrote anew without a lease, but cannot renew it", async () => {
    await putKey(
      etcd,
      `${prefix}leaseless`,
      JSON.stringify({ nodeId: "one", ttl: 10, api: "1.x" }),
    );
    await expect(foo.renew()).rejects.toThrow("is not owned by");
    await foo.unlock();
    expect(await entriesBelow(etcd, prefix)).toEqual([]);
  });

  describe("when a twin renews with another ttl meanwhile", () => {
    /** Lets the twin do so before the request number `at` arrives. */
    async function interruptedAt(at: number): Promise<void> {
      await foo.lock();
      const twin = new QueueLock({ etcd, clock, prefix, name: "foo", nodeId: "one", ttl: 60 });
      network.fail(async (index) => {
        if (index === at) await twin.renew();
        return undefined;
      });
    }

    it.each([1, 2])("renews anew, at request number %d", async (at) => {
      await interruptedAt(at);
      await foo.renew();
      const [entry] = await entriesBelow(etcd, prefix);
      const { grantedTtl } = await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n });
      expect(grantedTtl).toBe(10n);
      expect(etcd.leaseCount).toBe(1);
    });

    it.each([1, 2])("moves to its own ttl all the same, at request number %d", async (at) => {
      await interruptedAt(at);
      await queueLock("one", 20).renew();
      const [entry] = await entriesBelow(etcd, prefix);
      const { grantedTtl } = await etcd.leaseTimeToLive({ id: entry?.lease ?? 0n });
      expect(grantedTtl).toBe(20n);
      expect(etcd.leaseCount).toBe(1);
    });

    it("unlocks all the same, and ends the twin's lease too", async () => {
      await interruptedAt(1);
      await foo.unlock();
      expect(await entriesBelow(etcd, prefix)).toEqual([]);
      expect(etcd.leaseCount).toBe(0);
    });
  });

  describe.each<Fault>(["lost request", "lost reply", "late request"])("with one %s", (fault) => {
    it.each([0, 1, 2])("locks all the same, when it is number %d", async (number) => {
      network.fail((index) => (index === number ? fault : undefined));
      const { key, fencingToken } = await inTime(foo.lock());
      await network.arrive();

      const [entry, ...others] = await entriesBelow(etcd, prefix);
      expect(others).toEqual([]);
      expect(entry?.createRevision).toBe(fencingToken);
      await foo.unlock();
      await network.arrive();
      expect(await entriesBelow(etcd, prefix)).toEqual([]);
      expect(await livesLeaseOf(etcd, key)).toBe(false);
    });

    it.each([0, 1, 2])("unlocks all the same, when it is number %d", async (number) => {
      const { key } = await foo.lock();
      network.fail((index) => (index === number ? fault : undefined));
      await inTime(foo.unlock());
      expect(network.sent.length).toBeGreaterThan(3);
      network.mend();

      expect(await livesLeaseOf(etcd, key)).toBe(false);
      const next = await queueLock("one").lock();
      await network.arrive();
      expect(await queueLock("one").renew()).toEqual(next);
    });

    it.each([0, 1, 2])("renews all the same, when it is number %d", async (number) => {
      const answer = await foo.lock();
      await clock.advance(9_000);
      network.fail((index) => (index === number ? fault : undefined));
      await inTime(foo.renew());
      expect(network.sent.length).toBeGreaterThan(3);
      network.mend();
      await network.arrive();
      await clock.advance(8_000);
      expect(await foo.unlock()).toEqual(answer);
    });

    it.each([0, 1, 2, 3])(
      "moves to another ttl all the same, when it is number %d",
      async (number) => {
        const answer = await foo.lock();
        const [before] = await entriesBelow(etcd, prefix);
        network.fail((index) => (index === number ? fault : undefined));
        await inTime(queueLock("one", 60).renew());
        await network.arrive();

        expect((await etcd.leaseTimeToLive({ id: before?.lease ?? 0n })).ttl).toBe(-1n);
        await clock.advance(50_000);
        expect(await foo.unlock()).toEqual(answer);
        expect(await entriesBelow(etcd, prefix)).toEqual([]);
      },
    );
  });

  describe("when etcd answers nothing any more", () => {
    it.each<[Fault, number]>([
      ["lost request", 0],
      ["lost request", 1],
      ["lost reply", 1],
      ["lost request", 2],
      ["lost reply", 2],
      ["late request", 2],
    ])("gives lock() up within six seconds, from a %s number %d on", async (fault, number) => {
      network.fail((index) => (index >= number ? fault : undefined));
      const started = clock.now();
      await expect(inTime(foo.lock())).rejects.toThrow(StoreUnavailableError);
      expect(clock.now() - started).toBeLessThan(6_100);

      network.mend();
      await network.arrive();
      await clock.advance(10_500);
      await queueLock("two").lock();
    });

    it("gives lock() up when the lease must be over", async () => {
      network.fail((index) => (index >= 2 ? "lost request" : undefined));
      const started = clock.now();
      await expect(inTime(queueLock("one", 2).lock())).rejects.toThrow(StoreUnavailableError);
      expect(clock.now() - started).toBeLessThan(3_200);
    });

    it.each(["unlock", "renew"] as const)("gives %s() up within six seconds", async (method) => {
      await foo.lock();
      const started = clock.now();
      network.fail(() => "lost request");
      await expect(inTime(foo[method]())).rejects.toThrow(StoreUnavailableError);
      expect(clock.now() - started).toBeLessThan(6_100);
    });
  });
});
