import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Leadership } from "../../src/core/election.ts";
import type { Hold } from "../../src/core/hold.ts";
import { textOf } from "../../src/core/keys.ts";
import type { WriteHold } from "../../src/core/rw-lock.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { TxnRequest, WatchEvent } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("handing a hold over", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    bench.etcd.override("watch", undefined);
    bench.etcd.override("leaseGrant", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("keeps key and token, and goes on for as long as the other side lives", async () => {
    const hold = await one.acquire("jobs", { reason: "invoices" });
    const taken = await two.attach(await hold.detach());

    expect(taken).toMatchObject({ key: hold.key, fencingToken: hold.fencingToken, held: true });
    await one.close();
    await bench.clock.advance(60_000);
    expect(taken.held).toBe(true);
    await taken.verify();
    await taken.put("microlock-data", "x");
    await taken.delete("microlock-data");
    expect((await two.inspect("jobs")).holders).toMatchObject([
      { nodeId: "two", reason: "invoices", isOurs: true },
    ]);
    await taken.release();
  });

  it("ends on this side at the moment of the call, without a signal", async () => {
    const hold = await one.acquire("jobs");
    const { signal } = hold;
    const detaching = hold.detach();
    expect(hold.held).toBe(false);
    expect(() => hold.assertHeld()).toThrow(expect.objectContaining({ reason: "detached" }));
    const ticket = await detaching;

    expect(signal.aborted).toBe(false);
    await expect(hold.verify()).rejects.toMatchObject({ reason: "detached" });
    await expect(hold.detach()).rejects.toMatchObject({ reason: "detached" });
    await hold.release();
    expect(await bench.keys()).toEqual([hold.key]);
    await (await two.attach(ticket)).release();
  });

  it("goes once", async () => {
    const ticket = await (await one.acquire("jobs")).detach();
    const outcomes = await Promise.allSettled([two.attach(ticket), one.attach(ticket)]);
    const [taken] = outcomes.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    const [refused] = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));

    expect(refused).toMatchObject({ code: "LOCK_LOST", reason: "detached", key: "jobs" });
    await expect(two.attach(ticket)).rejects.toMatchObject({ reason: "detached" });
    await taken?.verify();
    await taken?.release();
    await expect(two.attach(ticket)).rejects.toMatchObject({ reason: "expired" });
  });

  it("can go on from one to the next", async () => {
    let hold = await one.acquire("jobs");
    const { fencingToken } = hold;
    for (const locks of [two, one, one, two]) hold = await locks.attach(await hold.detach());
    expect(hold.fencingToken).toBe(fencingToken);
    expect(bench.store.leaseCount).toBe(2);
    await hold.release();
  });

  it("waits for as long as it is told, and then lets the next one in", async () => {
    const hold = await one.acquire("jobs");
    let entered = false;
    const waiting = two.acquire("jobs").then((next) => {
      entered = true;
      return next;
    });
    await settle();
    const ticket = await hold.detach({ ttlMs: 30_000 });
    await one.close();
    await bench.clock.advance(29_000);
    expect(entered).toBe(false);
    await bench.clock.advance(2_000);

    const next = await waiting;
    await expect(two.attach(ticket)).rejects.toMatchObject({ reason: "expired" });
    expect(next.held).toBe(true);
    await next.release();
  });

  it("leaves waiters behind it, of its own process and of others", async () => {
    const hold = await one.acquire("jobs");
    const order: string[] = [];
    const waiting = [
      one.run("jobs", () => void order.push("one")),
      two.run("jobs", () => void order.push("two")),
    ];
    await settle();
    const taken = await two.attach(await hold.detach());
    await bench.clock.advance(20_000);
    expect(order).toEqual([]);

    await taken.release();
    await Promise.all(waiting);
    expect(order).toEqual(["one", "two"]);
  });

  describe("of each kind", () => {
    it("hands a writer over that can become a reader still", async () => {
      const hold = await one.rwLock("jobs").write.acquire({ reason: "rebuild" });
      const taken = (await two.attach(await hold.detach())) as WriteHold;
      expect(taken.mode).toBe("write");
      expect(await two.rwLock("jobs").read.tryAcquire()).toBeUndefined();
      await taken.downgrade();
      expect((await one.inspect("jobs")).holders).toMatchObject([
        { mode: "read", reason: "rebuild", nodeId: "two" },
      ]);
      await taken.release();
    });

    it("hands a writer over that became a reader", async () => {
      const hold = await one.rwLock("jobs").write.acquire();
      await hold.downgrade();
      const reader = await two.rwLock("jobs").read.acquire();
      const taken = await two.attach(await hold.detach());
      expect(taken.mode).toBe("read");
      expect((await one.inspect("jobs")).holders).toHaveLength(2);
      await (await one.rwLock("jobs").read.acquire({ waitMs: 0 })).release();
      await taken.release();
      await reader.release();
    });

    it("hands a reader over", async () => {
      const hold = await one.rwLock("jobs").read.acquire();
      const taken = await two.attach(await hold.detach());
      expect(taken.mode).toBe("read");
      await (await one.rwLock("jobs").read.acquire({ waitMs: 0 })).release();
      await taken.release();
    });

    it("hands permits over", async () => {
      const hold = await one.semaphore("jobs", 3).acquire({ permits: 2 });
      const taken = await two.attach(await hold.detach());
      expect(taken.mode).toBe("permits");
      const { holders } = await one.inspect("jobs");
      expect(holders).toMatchObject([{ mode: "permits", permits: 2 }]);
      await (await one.semaphore("jobs", 3).acquire({ waitMs: 0 })).release();
      await taken.release();
    });

    it("hands a leadership over, with what it proclaimed", async () => {
      const election = one.election("jobs");
      const term = await election.campaign("first");
      await term.proclaim("second");
      const taken = (await two.attach(await term.detach())) as Leadership;

      expect(await election.leader()).toMatchObject({ value: "second", key: term.key });
      expect(taken.value).toBe("second");
      await taken.proclaim("third");
      expect(taken.value).toBe("third");
      expect(await election.leader()).toMatchObject({ value: "third" });
      await taken.resign();
    });

    it("hands several names over together", async () => {
      const hold = await one.acquire(["b", "a", "c/d"]);
      const taken = await two.attach(await hold.detach());
      expect(taken.names).toEqual(["b", "a", "c/d"]);
      await one.close();
      await bench.clock.advance(30_000);
      await taken.verify();
      await taken.release();
    });

    it("keeps the names of several until they expire together", async () => {
      await (await one.acquire(["b", "a"])).detach();
      expect(await bench.keys()).toHaveLength(2);
      await bench.clock.advance(11_000);
      expect(await bench.keys()).toEqual([]);
    });
  });

  it("lets run resolve when its work has handed the lock over", async () => {
    const ticket = await one.run("jobs", (hold) => hold.detach());
    await (await two.attach(ticket)).release();
  });

  it("lets go of nothing when there is nothing to hand over", async () => {
    const hold = await one.acquire("jobs");
    await deleteKey(bench.store, hold.key);
    await expect(hold.detach()).rejects.toMatchObject({ code: "LOCK_LOST", reason: "deleted" });
    await expect(hold.detach()).rejects.toMatchObject({ code: "LOCK_LOST" });

    const other = await one.acquire("other");
    await other.release();
    await expect(other.detach()).rejects.toMatchObject({ reason: "released" });
    await settle();
    expect(bench.store.leaseCount).toBe(2);
  });

  describe("when answers are lost", () => {
    /** Carries out the first request of a kind, and loses the answer. */
    function loseAnswerTo(isMeant: (request: TxnRequest) => boolean): void {
      let lost = 0;
      bench.etcd.override("txn", async (request, options) => {
        const response = await bench.store.txn(request, options);
        if (isMeant(request) && lost++ === 0) throw new StoreUnavailableError("reply lost");
        return response;
      });
    }
    const movesKey = (hold: Hold) => (request: TxnRequest) =>
      (request.success ?? []).some(
        (each) => each.op === "put" && textOf(each.request.key) === hold.key,
      );

    it("still leaves it to be taken on", async () => {
      const hold = await one.acquire("jobs");
      loseAnswerTo(movesKey(hold));
      const detaching = hold.detach();
      await bench.clock.advance(1_000);
      await (await two.attach(await detaching)).release();
    });

    it("still takes it on", async () => {
      const hold = await one.acquire("jobs");
      const ticket = await hold.detach();
      loseAnswerTo(movesKey(hold));
      const attaching = two.attach(ticket);
      await bench.clock.advance(1_000);
      const taken = await attaching;
      await bench.clock.advance(20_000);
      await taken.verify();
      await taken.release();
    });

    for (const carriedOut of [true, false]) {
      const what = carriedOut ? "carried out" : "lost";
      it(`gives the lock up when detaching is ${what} and nobody answers`, async () => {
        const hold = await one.acquire("jobs");
        const isMeant = movesKey(hold);
        bench.etcd.override("txn", async (request, options) => {
          if (!isMeant(request)) return bench.store.txn(request, options);
          if (carriedOut) await bench.store.txn(request, options);
          throw new StoreUnavailableError("no answer");
        });
        const detaching = hold.detach({ ttlMs: 60_000 }).catch((error) => error);
        await bench.clock.advance(6_000);
        expect(await detaching).toMatchObject({ code: "STORE_UNAVAILABLE" });
        bench.etcd.override("txn", undefined);
        await bench.clock.advance(5_000);
        expect(await bench.keys()).toEqual([]);
      });

      it(`holds the lock for nobody when taking on is ${what} and nobody answers`, async () => {
        const hold = await one.acquire("jobs");
        const ticket = await hold.detach();
        const isMeant = movesKey(hold);
        bench.etcd.override("txn", async (request, options) => {
          if (!isMeant(request)) return bench.store.txn(request, options);
          if (carriedOut) await bench.store.txn(request, options);
          throw new StoreUnavailableError("no answer");
        });
        const attaching = two.attach(ticket).catch((error) => error);
        await bench.clock.advance(6_000);
        expect(await attaching).toMatchObject({ code: "STORE_UNAVAILABLE" });
        bench.etcd.override("txn", undefined);
        await bench.clock.advance(10_000);
        expect(await bench.keys()).toEqual([]);
      });
    }

    it("holds the lock for nobody when taking on is carried out after nobody answered", async () => {
      const hold = await one.acquire("jobs");
      const ticket = await hold.detach();
      const isMeant = movesKey(hold);
      let arrive = (): Promise<unknown> => Promise.resolve();
      bench.etcd.override("txn", async (request, options) => {
        if (!isMeant(request)) return bench.store.txn(request, options);
        arrive = () => bench.store.txn(request, options);
        throw new StoreUnavailableError("no answer");
      });
      const attaching = two.attach(ticket).catch((error) => error);
      await bench.clock.advance(6_000);
      expect(await attaching).toMatchObject({ code: "STORE_UNAVAILABLE" });
      bench.etcd.override("txn", undefined);
      await bench.clock.advance(1_000);
      await arrive();

      const taken = await two.attach(ticket);
      expect(taken.fencingToken).toBe(hold.fencingToken);
      await taken.release();
    });

    it("gives up what nobody answered before the same client takes it on", async () => {
      const hold = await one.acquire("jobs");
      const ticket = await hold.detach();
      const isMeant = movesKey(hold);
      let isSilent = true;
      const answers: (() => void)[] = [];
      bench.etcd.override("txn", async (request, options) => {
        const isRemoval = request.success?.some(({ op }) => op === "deleteRange");
        if (isRemoval) {
          await new Promise<void>((resolve) => {
            answers.push(resolve);
          });
        }
        if (isMeant(request) && isSilent) throw new StoreUnavailableError("no answer");
        return bench.store.txn(request, options);
      });
      const attaching = two.attach(ticket).catch((error) => error);
      await bench.clock.advance(6_000);
      expect(await attaching).toMatchObject({ code: "STORE_UNAVAILABLE" });
      isSilent = false;
      const again = two.attach(ticket);
      await bench.clock.advance(100);
      bench.etcd.override("txn", undefined);
      for (const answer of answers) answer();

      const taken = await again;
      await bench.clock.advance(1_000);
      await taken.verify();
      await taken.release();
    });

    it("gives the lock up when no lease is to be had", async () => {
      const hold = await one.acquire("jobs");
      bench.etcd.override("leaseGrant", async () => {
        throw new StoreUnavailableError("no answer");
      });
      const detaching = hold.detach().catch((error) => error);
      await bench.clock.advance(5_000);
      expect(await detaching).toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(hold.held).toBe(false);
      await settle();
      expect(await bench.keys()).toEqual([]);
    });

    it("asks for a lease again", async () => {
      const hold = await one.acquire("jobs");
      bench.etcd.override("leaseGrant", async (request, options) => {
        bench.etcd.override("leaseGrant", undefined);
        await bench.store.leaseGrant(request, options);
        throw new StoreUnavailableError("no answer");
      });
      const detaching = hold.detach();
      await bench.clock.advance(100);

      const attached = await two.attach(await detaching);
      expect(attached.fencingToken).toBe(hold.fencingToken);
      await attached.release();
    });
  });

  describe("while both sides watch", () => {
    it("ends neither of them by the events of the move, however late they come", async () => {
      const late: (() => void)[] = [];
      bench.etcd.override("watch", (request, observer) =>
        bench.store.watch(request, {
          onCreated: (revision) => observer.onCreated?.(revision),
          onEnd: (error) => observer.onEnd(error),
          onEvents: (events: readonly WatchEvent[]) => late.push(() => observer.onEvents(events)),
        }),
      );
      const watchful = await bench.client({ nodeId: "watchful" });
      const hold = await one.acquire("jobs");
      const waiting = watchful.acquire("jobs");
      await bench.clock.advance(30);
      const taken = await watchful.attach(await hold.detach());
      const { signal } = taken;
      for (const deliver of late.splice(0)) deliver();
      await bench.clock.advance(100);

      expect(signal.aborted).toBe(false);
      await taken.verify();
      await taken.release();
      for (const deliver of late.splice(0)) deliver();
      await (await waiting).release();
      for (const deliver of late.splice(0)) deliver();
      await watchful.close();
    });

    it("hears of what somebody did to the key before the answer to taking it on came", async () => {
      const hold = await one.acquire("jobs");
      const ticket = await hold.detach();
      const waiting = two.acquire("jobs").catch(() => {});
      await bench.clock.advance(30);
      let answer = (): void => {};
      bench.etcd.override("txn", async (request, options) => {
        const response = await bench.store.txn(request, options);
        if (request.success?.[0]?.op !== "put") return response;
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return response;
      });
      const attaching = two.attach(ticket);
      await settle();
      bench.etcd.override("txn", undefined);
      await putKey(bench.store, hold.key, "mine");
      await settle();
      answer();

      expect((await attaching).signal.reason).toMatchObject({ reason: "overwritten" });
      await deleteKey(bench.store, hold.key);
      await (await waiting)?.release();
    });

    it("still ends when somebody overwrites or deletes the key later", async () => {
      for (const harm of ["overwritten", "deleted"]) {
        const hold = await one.acquire("jobs");
        const taken = await two.attach(await hold.detach());
        await bench.clock.advance(30);
        if (harm === "overwritten") await putKey(bench.store, taken.key, "mine");
        else await deleteKey(bench.store, taken.key);
        await bench.clock.advance(5);
        expect(taken.signal.reason).toMatchObject({ reason: harm });
        await deleteKey(bench.store, taken.key);
      }
    });
  });

  it("belongs to its namespace", async () => {
    const ticket = await (await one.acquire("jobs")).detach();
    const other = await bench.client({ namespace: "other/" });
    await expect(other.attach(ticket)).rejects.toMatchObject({ option: "ticket" });
    await (await two.attach(ticket)).release();
  });

  it("refuses what is no ticket before anything is sent", async () => {
    const hold = await one.acquire("jobs");
    const ticket = await hold.detach();
    const facts = JSON.parse(Buffer.from(ticket, "base64url").toString()) as unknown[];
    const forged = (index: number, fact: unknown): string =>
      Buffer.from(JSON.stringify(facts.with(index, fact))).toString("base64url");
    bench.etcd.forget();
    for (const garbage of [
      undefined,
      null,
      7,
      {},
      "",
      "garbage",
      "%%%",
      "🔒",
      Buffer.from("null").toString("base64url"),
      Buffer.from('{"length":6,"0":"microlock-1"}').toString("base64url"),
      Buffer.from(JSON.stringify([...facts, 1])).toString("base64url"),
      Buffer.from(JSON.stringify(facts.slice(0, 5))).toString("base64url"),
      ticket.slice(0, -8),
      forged(0, "microlock-2"),
      forged(1, 7),
      forged(1, "other/"),
      forged(2, []),
      forged(2, ["other"]),
      forged(2, ["jobs", "jobs"]),
      forged(2, [""]),
      forged(2, "jobs"),
      forged(3, ["microlock/other/1-1"]),
      forged(3, [7]),
      forged(3, []),
      forged(4, "0"),
      forged(4, "-1"),
      forged(4, "1e3"),
      forged(4, 12),
      forged(4, "9".repeat(30)),
      forged(5, "0"),
      forged(5, "xyz"),
      forged(5, "-1"),
      forged(5, "f".repeat(17)),
      forged(5, "f".repeat(16)),
    ]) {
      await expect(two.attach(garbage as never), String(garbage)).rejects.toMatchObject({
        code: "INVALID_OPTION",
        option: "ticket",
      });
    }
    expect(bench.etcd.calls.txn).toBe(0);
    await expect(two.attach(forged(4, "12345"))).rejects.toMatchObject({ reason: "expired" });
    await expect(two.attach(forged(5, "7"))).rejects.toMatchObject({ reason: "detached" });
    await (await two.attach(ticket)).release();
  });

  it("refuses wrong options of detach, and goes on to hold", async () => {
    const hold = await one.acquire("jobs");
    for (const options of [{ ttlMs: 0 }, { ttlMs: "1" }, { ttl: 1 }, { ttlMs: Number.NaN }]) {
      await expect(hold.detach(options as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
    await hold.verify();
    await hold.release();
  });
});
