import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("untilFree", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
  });

  afterEach(async () => {
    expect(await bench.leftovers()).toEqual(nothing);
  });

  /** How it stands with a promise. */
  function outcomeOf(promise: Promise<void>): { is: unknown } {
    const outcome: { is: unknown } = { is: "waiting" };
    promise.then(
      () => {
        outcome.is = "free";
      },
      (error: unknown) => {
        outcome.is = error;
      },
    );
    return outcome;
  }

  it("resolves at once when nobody is there, with one request", async () => {
    await one.untilFree("jobs", { waitMs: 0 });
    await one.untilFree("jobs");
    expect(bench.etcd.calls.txn).toBe(2);
    expect(bench.etcd.calls.watch).toBe(0);
  });

  it("finds out within five seconds, though its watch is deaf", async () => {
    const hold = await one.acquire("jobs");
    bench.etcd.override("watch", () => ({ close() {} }));
    const waiting = outcomeOf(two.untilFree("jobs"));
    await settle();
    bench.etcd.override("watch", undefined);
    await hold.release();
    await bench.clock.advance(4_000);
    expect(waiting.is).toBe("waiting");
    await bench.clock.advance(1_000);
    expect(waiting.is).toBe("free");
  });

  it("waits until the last one has gone, and takes nothing", async () => {
    const first = await one.acquire("jobs");
    const second = one.acquire("jobs");
    const outcome = outcomeOf(two.untilFree("jobs"));
    await settle();
    expect(await bench.keys()).toHaveLength(2);
    await first.release();
    await settle();
    expect(outcome.is).toBe("waiting");
    await (await second).release();
    await settle();
    expect(outcome.is).toBe("free");
  });

  it("says who holds it when the time is over, and how many wait", async () => {
    const hold = await one.acquire("jobs", { reason: "backup" });
    const waiting = one.acquire("jobs");
    await settle();
    const outcome = outcomeOf(two.untilFree("jobs", { waitMs: 1_000 }));
    await bench.clock.advance(999);
    expect(outcome.is).toBe("waiting");
    await bench.clock.advance(1);
    const taken = { code: "ALREADY_LOCKED", holder: { nodeId: "one" }, waiters: 1 };
    expect(outcome.is).toMatchObject(taken);
    await expect(two.untilFree("jobs", { waitMs: 0 })).rejects.toMatchObject(taken);
    await hold.release();
    await (await waiting).release();
  });

  it("does not count what only keeps others out beside the holder", async () => {
    const hold = await one.acquire("jobs", { lingerMs: 500 });
    const outcome = outcomeOf(two.untilFree("jobs", { waitMs: 1_000 }));
    await bench.clock.advance(1_000);
    expect(outcome.is).toMatchObject({ code: "ALREADY_LOCKED", waiters: 0 });
    await hold.release();
  });

  it("waits for foreign keys, too", async () => {
    await putKey(bench.store, "microlock/jobs/by-hand");
    const outcome = outcomeOf(two.untilFree("jobs"));
    await settle();
    expect(outcome.is).toBe("waiting");
    await deleteKey(bench.store, "microlock/jobs/by-hand");
    await settle();
    expect(outcome.is).toBe("free");
  });

  it("ends with its signal's reason, or when the client is closed", async () => {
    const hold = await one.acquire("jobs");
    const controller = new AbortController();
    const outcome = outcomeOf(two.untilFree("jobs", { signal: controller.signal, waitMs: 50 }));
    const other = outcomeOf(two.untilFree("jobs"));
    await settle();
    controller.abort(new Error("enough"));
    await settle();
    expect(outcome.is).toMatchObject({ message: "enough" });
    await two.close();
    expect(other.is).toMatchObject({ code: "CLOSED" });
    await hold.release();
  });

  it("refuses wrong arguments", async () => {
    for (const [name, options] of [
      ["", {}],
      ["jobs", { waitMs: -1 }],
      ["jobs", { wait: 1 }],
      ["jobs", { signal: 1 }],
    ]) {
      await expect(one.untilFree(name as never, options as never)).rejects.toMatchObject({
        code: "INVALID_OPTION",
      });
    }
  });
});
