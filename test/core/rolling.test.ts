import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sleep } from "../../src/clock.ts";
import { sessionKey } from "../../src/core/keys.ts";
import { StoreError, StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd, TxnRequest } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { entriesBelow, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

const ttlMs = 9_000;

describe("when etcd has another leader, a session", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let raftTerm: bigint;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one", ttlMs });
    two = await bench.client({ nodeId: "two", ttlMs });
    raftTerm = 0n;
    speakInTerm();
  });

  afterEach(async () => {
    bench.etcd.override("leaseGrant", undefined);
    speakInTerm();
    expect(await bench.leftovers()).toEqual(nothing);
  });

  /** From now on every answer tells the term that there is. */
  function speakInTerm(): void {
    const { etcd, store } = bench;
    const told = <T extends { readonly header: { readonly raftTerm: bigint } }>(answer: T): T => ({
      ...answer,
      header: { ...answer.header, raftTerm: answer.header.raftTerm + raftTerm },
    });
    etcd.override("txn", async (request) => told(await store.txn(request)));
    etcd.override("leaseGrant", async (request) => told(await store.leaseGrant(request)));
    etcd.override("leaseKeepAlive", async (id) => told(await store.leaseKeepAlive(id)));
  }

  /** Another leader is elected, and heard of by the next keepalive. */
  async function elect(): Promise<void> {
    raftTerm += 1n;
    await bench.clock.advance(ttlMs / 3);
  }

  const leaseOf = async (key: string): Promise<bigint> =>
    (await entriesBelow(bench.store, key))[0]?.lease ?? 0n;
  const isAlive = async (id: bigint): Promise<boolean> =>
    (await bench.store.leaseTimeToLive({ id })).ttl > 0n;

  it("moves to a fresh lease with its holds, which keep their keys, tokens and places", async () => {
    const hold = await one.acquire("jobs");
    const before = hold.lease;
    const waiting = two.acquire("jobs");
    await settle();
    await elect();

    expect(hold.lease).not.toBe(before);
    expect(await leaseOf(hold.key)).toBe(hold.lease);
    expect(await isAlive(before)).toBe(false);
    const [entry] = await entriesBelow(bench.store, hold.key);
    expect(entry?.createRevision).toBe(hold.fencingToken);
    expect(hold.held).toBe(true);
    await hold.verify();
    await hold.put("written", "still ours");
    await hold.delete("written");
    await hold.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.release();
  });

  it("goes on as soon as writes are answered, though reads that came before are so later", async () => {
    raftTerm += 1n;
    const { etcd, store, clock } = bench;
    let requests = 0;
    etcd.override("txn", async (request, { timeoutMs = 0 } = {}) => {
      requests += 1;
      const isRead = request.success?.every(({ op }) => op === "range");
      // What the last leader got is never answered, nor what was to be read before there was another.
      if (requests === 1 || isRead) {
        await sleep(clock, timeoutMs);
        throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
      }
      const answer = await store.txn(request);
      return {
        ...answer,
        header: { ...answer.header, raftTerm: answer.header.raftTerm + raftTerm },
      };
    });
    const asking = one.acquire("jobs");
    let gotAt = Number.POSITIVE_INFINITY;
    asking.then(() => {
      gotAt = clock.now();
    });
    const askedAt = clock.now();
    await clock.advance(ttlMs / 6);
    speakInTerm();
    await clock.advance(ttlMs);

    expect(gotAt - askedAt).toBeLessThan(500);
    await (await asking).release();
  });

  it("moves once for each of them", async () => {
    const hold = await one.acquire("jobs");
    bench.etcd.forget();
    await elect();
    const { lease } = hold;
    await bench.clock.advance(10 * ttlMs);
    // Both clients.
    expect(bench.etcd.calls.leaseGrant).toBe(2);
    expect(hold.lease).toBe(lease);
    await elect();
    expect(hold.lease).not.toBe(lease);
    expect(bench.etcd.calls.leaseGrant).toBe(4);
    await hold.release();
  });

  it("loses nothing when the leader before goes on, and removes the lease that it knows", async () => {
    const hold = await one.acquire("jobs", { lingerMs: 5_000 });
    await bench.clock.advance(30);
    const before = (await entriesBelow(bench.store, "microlock/")).map(({ lease }) => lease);
    raftTerm += 1n;
    await hold.verify();
    await settle();
    for (const id of new Set(before)) await bench.store.leaseRevoke(id).catch(() => {});
    await bench.clock.advance(3 * ttlMs);

    expect(hold.held).toBe(true);
    await hold.verify();
    await hold.release();
  });

  it("takes thousands of holds along, and waiters, in their order", {
    timeout: 30_000,
  }, async () => {
    const names = Array.from({ length: 2_500 }, (_, index) => `job-${index}`);
    const holds = await Promise.all(names.map((name) => one.acquire(name)));
    const entered: string[] = [];
    const waiters = ["first", "second"].map(async (who, index) => {
      const hold = await (index === 0 ? one : two).acquire("job-0");
      entered.push(who);
      await hold.release();
    });
    await settle();
    const before = holds[0]?.lease ?? 0n;
    await elect();

    const standing = await entriesBelow(bench.store, "microlock/job-");
    expect(standing).toHaveLength(2_502);
    expect(standing.filter(({ lease }) => lease === before)).toEqual([]);
    expect(holds.every(({ held }) => held)).toBe(true);
    await Promise.all(holds.map((hold) => hold.release()));
    await Promise.all(waiters);
    expect(entered).toEqual(["first", "second"]);
  });

  it("takes along what its users hung on its lease", async () => {
    const hold = await one.acquire("jobs");
    await putKey(bench.store, "service/address", "10.0.0.1", hold.lease);
    await elect();
    expect(await leaseOf("service/address")).toBe(hold.lease);
    await hold.release();
  });

  const faults: readonly [string, (send: Etcd["txn"], request: TxnRequest) => Promise<never>][] = [
    ["the request", async () => Promise.reject(noAnswer())],
    ["the answer", async (send, request) => send(request).then(() => Promise.reject(noAnswer()))],
  ];
  it.each(faults)("arrives though %s of its move gets lost", async (_what, fault) => {
    const hold = await one.acquire("jobs");
    let lost = 2;
    raftTerm += 1n;
    bench.etcd.override("txn", async (request) => {
      const answer = (request: TxnRequest) => bench.store.txn(request);
      const isMove = request.success?.some(({ op }) => op === "txn") ?? false;
      if (isMove && lost-- > 0) return fault(answer, request);
      const response = await answer(request);
      const { header } = response;
      return { ...response, header: { ...header, raftTerm: header.raftTerm + raftTerm } };
    });
    const before = hold.lease;
    await bench.clock.advance(ttlMs / 3);
    const writing = hold.put("written", "in mid-move");
    await bench.clock.advance(1_000);

    await writing;
    expect(hold.lease).not.toBe(before);
    expect(hold.held).toBe(true);
    await hold.delete("written");
    await hold.release();
  });

  it("arrives though the lease that it moved away from is gone before it hears that it has", async () => {
    const hold = await one.acquire("jobs");
    await bench.clock.advance(30);
    const before = hold.lease;
    let lost = 1;
    raftTerm += 1n;
    bench.etcd.override("txn", async (request) => {
      const response = await bench.store.txn(request);
      if (request.success?.some(({ op }) => op === "txn") && lost-- > 0) {
        await bench.store.leaseRevoke(before);
        throw noAnswer();
      }
      const { header } = response;
      return { ...response, header: { ...header, raftTerm: header.raftTerm + raftTerm } };
    });
    await bench.clock.advance(ttlMs / 3 + 1_000);

    expect(hold.held).toBe(true);
    await hold.verify();
    await hold.release();
  });

  it("stays where it is for as long as etcd grants no other lease", async () => {
    const hold = await one.acquire("jobs");
    const before = hold.lease;
    bench.etcd.override("leaseGrant", async () => {
      throw new StoreError("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded");
    });
    await elect();
    await bench.clock.advance(3 * ttlMs);
    expect(hold.held).toBe(true);
    expect(hold.lease).toBe(before);

    speakInTerm();
    await bench.clock.advance(1_000);
    expect(hold.lease).not.toBe(before);
    expect(hold.held).toBe(true);
    await hold.release();
  });

  it("is lost when its lease was gone before it could move", async () => {
    const hold = await one.acquire("jobs");
    bench.etcd.override("watch", () => ({ close() {} }));
    await bench.store.leaseRevoke(hold.lease);
    raftTerm += 1n;
    await expect(hold.put("data", "x")).rejects.toMatchObject({ code: "LOCK_LOST" });
    expect(hold.held).toBe(false);
    bench.etcd.override("watch", undefined);
    await hold.release().catch(() => {});
  });

  it("leaves nothing when it is closed in the middle of it", async () => {
    const { store, etcd } = bench;
    await one.acquire("jobs");
    let goOn = (): void => {};
    etcd.override("txn", async (request) => {
      if (request.success?.some(({ op }) => op === "txn")) {
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
      const response = await store.txn(request);
      const { header } = response;
      return { ...response, header: { ...header, raftTerm: header.raftTerm + raftTerm } };
    });
    await elect();
    const closing = one.close();
    await settle();
    goOn();
    await bench.clock.advance(1_000);
    await closing;
    // What was carried out late goes with its lease.
    await bench.clock.advance(2 * ttlMs);
    speakInTerm();
  });

  it("is still told who wants a lock back", async () => {
    const hold = await one.acquire("jobs");
    await elect();
    const forcing = two.forceRelease("jobs", { reason: "it hangs", by: "Ada", graceMs: 0 });
    await settle();
    expect(hold.signal.reason).toMatchObject({
      reason: "revoked",
      cause: { by: "Ada", reason: "it hangs" },
    });
    await bench.clock.advance(1);
    await forcing;
    await hold.release().catch(() => {});
  });

  it("shows up under its new lease", async () => {
    const hold = await one.acquire("jobs");
    await elect();
    const { holders } = await two.inspect("jobs");
    expect(holders).toMatchObject([{ nodeId: "one", lease: hold.lease, isForeign: false }]);
    const [own] = await entriesBelow(bench.store, sessionKey("microlock/", hold.lease));
    expect(own?.lease).toBe(hold.lease);
    await hold.release();
  });
});

function noAnswer(): StoreUnavailableError {
  return new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
}
