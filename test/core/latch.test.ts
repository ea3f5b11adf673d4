import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Latch } from "../../src/core/latch.ts";
import { ClosedError, InvalidOptionError, StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("Latch", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let here: Latch;
  let there: Latch;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client();
    two = await bench.client();
    here = one.latch("migrated", 3);
    there = two.latch("migrated", 3);
  });

  afterEach(async () => {
    for (const name of ["txn", "leaseGrant", "leaseRevoke"] as const) {
      bench.etcd.override(name, undefined);
    }
    await (await bench.client()).latch("migrated", 3).reset();
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("opens when it was counted down so many times, and stays open", async () => {
    const waiting = [here.wait(), there.wait(), there.wait()];
    let open = 0;
    for (const each of waiting) void each.then(() => open++);
    await settle();
    expect(await here.count()).toBe(3);
    expect(await here.countDown()).toBe(2);
    expect(await there.countDown()).toBe(1);
    await bench.clock.advance(20_000);
    expect(open).toBe(0);
    expect(await here.countDown()).toBe(0);
    await Promise.all(waiting);

    await there.wait();
    expect(await there.count()).toBe(0);
  });

  it("does nothing when it is open", async () => {
    for (let index = 0; index < 3; index++) await here.countDown();
    const before = await bench.keys();
    bench.etcd.forget();
    expect(await here.countDown()).toBe(0);

    expect(await bench.keys()).toEqual(before);
    expect(bench.etcd.calls).toMatchObject({ txn: 1, leaseGrant: 0 });
  });

  it("keeps what was counted when the client that counted is closed, for as long as it is told", async () => {
    const short = one.latch("migrated", 3, { keepMs: 60_000 });
    await short.countDown();
    await one.close();
    await bench.clock.advance(59_000);
    expect(await there.count()).toBe(2);
    await bench.clock.advance(3_000);
    expect(await there.count()).toBe(3);
  });

  it("is closed by a reset, and may have another number then", async () => {
    for (let index = 0; index < 3; index++) await here.countDown();
    await there.reset();
    expect(await here.count()).toBe(3);
    const other = two.latch("migrated", 1);
    expect(await other.countDown()).toBe(0);
    await other.wait();

    await expect(here.count()).rejects.toMatchObject({
      code: "DISAGREEMENT",
      expected: 3,
      found: 1,
    });
    await expect(here.wait()).rejects.toMatchObject({ code: "DISAGREEMENT" });
    await expect(here.countDown()).rejects.toMatchObject({ code: "DISAGREEMENT" });
    expect(await bench.keys()).toHaveLength(1);
  });

  it("counts once when the answer gets lost", async () => {
    let counted = 0;
    bench.etcd.override("txn", async (request, options) => {
      const answer = await bench.store.txn(request, options);
      const isPut = request.success?.some(({ op }) => op === "put");
      if (!isPut || counted++ > 0) return answer;
      throw new StoreUnavailableError("lost");
    });
    const counting = here.countDown();
    await bench.clock.advance(300);

    expect(await counting).toBe(2);
    expect(await there.count()).toBe(2);
  });

  it("has not counted when it says that etcd did not answer, once that is over", async () => {
    const slow = (await bench.client({ callTimeoutMs: 2_000 })).latch("migrated", 3);
    bench.etcd.override("txn", async (request, options) => {
      const answer = await bench.store.txn(request, options);
      if (!request.success?.some(({ op }) => op === "put")) return answer;
      throw new StoreUnavailableError("lost");
    });
    const counting = slow.countDown().catch((error) => error);
    await bench.clock.advance(5_000);
    expect(await counting).toBeInstanceOf(StoreUnavailableError);
    bench.etcd.override("txn", undefined);

    expect(await there.count()).toBe(3);
  });

  it("leaves no lease when it is given up", async () => {
    const leases = bench.store.leaseCount;
    const controller = new AbortController();
    bench.etcd.override("leaseGrant", async (request, options) => {
      const granted = await bench.store.leaseGrant(request, options);
      controller.abort(new Error("enough"));
      return granted;
    });
    await expect(here.countDown({ signal: controller.signal })).rejects.toThrow("enough");
    await settle();

    expect(bench.store.leaseCount).toBe(leases);
    expect(await bench.keys()).toEqual([]);
  });

  it("gives up waiting when the signal aborts, or the client is closed", async () => {
    const controller = new AbortController();
    const given = here.wait({ signal: controller.signal });
    const closed = there.wait().catch((error) => error);
    await settle();
    controller.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    await two.close();

    expect(await closed).toBeInstanceOf(ClosedError);
    await expect(here.wait({ signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow(
      "before",
    );
  });

  it("tells those who wait already that somebody counts for another number", async () => {
    const waiting = [here.wait(), there.wait()].map((wait) => wait.catch((error) => error));
    await settle();
    const other = two.latch("migrated", 4);
    await other.countDown();
    await bench.clock.advance(10);
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ code: "DISAGREEMENT", expected: 3, found: 4 });
    }
    await other.reset();
  });

  it("goes on waiting while etcd does not answer", async () => {
    const waiting = here.wait();
    await settle();
    await there.countDown();
    await there.countDown();
    bench.etcd.override("txn", async () => {
      throw new StoreUnavailableError("nobody there");
    });
    await bench.clock.advance(3_000);
    bench.etcd.override("txn", undefined);
    await there.countDown();

    await waiting;
  });

  it("counts only what was counted for it, whoever else stands there", async () => {
    const hold = await one.acquire("migrated");
    const foreign = `${one.keyOf("migrated")}/latch/three/x`;
    await putKey(bench.store, foreign, "", 0n);
    expect(await here.countDown()).toBe(2);
    await here.reset();
    expect((await bench.keys()).sort()).toEqual([foreign, hold.key].sort());
    await hold.verify();
    await hold.release();
    await bench.store.txn({
      success: [{ op: "deleteRange", request: { key: new TextEncoder().encode(foreign) } }],
    });
  });

  it("is reset also when some of its leases are gone already", async () => {
    await here.countDown();
    bench.etcd.override("leaseRevoke", async (id, options) => {
      await bench.store.leaseRevoke(id);
      return bench.store.leaseRevoke(id, options);
    });
    await here.reset();
    expect(await here.count()).toBe(3);
  });

  it("is reset also when etcd does not answer at first", async () => {
    await here.countDown();
    let asked = 0;
    bench.etcd.override("leaseRevoke", async (id, options) => {
      asked += 1;
      const answer = await bench.store.leaseRevoke(id, options);
      if (asked === 1) throw new StoreUnavailableError("the answer was lost");
      return answer;
    });
    const resetting = here.reset();
    await settle();
    await bench.clock.advance(100);
    await resetting;

    expect(asked).toBe(2);
    expect(await here.count()).toBe(3);
  });

  it.each([0, -1, 1.5, 1_000_001, "3", undefined])("can't count from %s", (count) => {
    expect(() => one.latch("migrated", count as number)).toThrow(InvalidOptionError);
  });

  it.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY, "1"])("can't keep for %s ms", (keepMs) => {
    expect(() => one.latch("migrated", 3, { keepMs: keepMs as number })).toThrow(
      InvalidOptionError,
    );
  });
});
