import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("Web Locks", () => {
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

  describe("request", () => {
    it("holds the lock alone while the callback works, and resolves with what that returns", async () => {
      const result = one.request("jobs", async (lock) => {
        expect(lock).toMatchObject({ name: "jobs", mode: "exclusive", held: true });
        expect(await two.request("jobs", { ifAvailable: true }, (other) => other)).toBeNull();
        return 42;
      });
      expect(await result).toBe(42);
      expect(await one.request("jobs", undefined, () => "again")).toBe("again");
      expect(await bench.keys()).toEqual([]);
    });

    it("rejects with what the callback throws, and releases", async () => {
      for (const options of [
        {},
        { mode: "shared" },
        { ifAvailable: true },
        { steal: true },
      ] as const) {
        const failing = one.request("jobs", options, () => {
          throw new Error("no luck");
        });
        await expect(failing).rejects.toThrow("no luck");
        expect(await bench.keys()).toEqual([]);
      }
    });

    it("shares the lock with others that ask for it shared, and with readers", async () => {
      const mode = "shared";
      let inside = 0;
      let most = 0;
      const share = (locks: Locks): Promise<void> =>
        locks.request("jobs", { mode }, async (lock) => {
          expect(lock?.mode).toBe("shared");
          inside += 1;
          most = Math.max(most, inside);
          await bench.clock.advance(10);
          inside -= 1;
        });
      await Promise.all([share(one), share(two), share(one)]);
      expect(most).toBe(3);
      const reader = await two.rwLock("jobs").read.acquire();
      expect(await one.request("jobs", { mode, ifAvailable: true }, (lock) => lock !== null)).toBe(
        true,
      );
      expect(await one.request("jobs", { ifAvailable: true }, (lock) => lock)).toBeNull();
      await reader.release();
    });

    it("waits its turn", async () => {
      const holder = await one.acquire("jobs");
      const order: string[] = [];
      const waiting = [
        two.request("jobs", () => void order.push("first")),
        two.request("jobs", { mode: "shared" }, () => void order.push("second")),
      ];
      await settle();
      expect(order).toEqual([]);
      await holder.release();
      await Promise.all(waiting);
      expect(order).toEqual(["first", "second"]);
    });

    it("gives the callback null with ifAvailable when somebody only waits, too", async () => {
      const reader = await one.rwLock("jobs").read.acquire();
      const waiting = two.acquire("jobs");
      await settle();
      const options = { mode: "shared", ifAvailable: true } as const;
      expect(await two.request("jobs", options, (lock) => lock)).toBeNull();
      const failing = two.request("jobs", options, () => {
        throw new Error("not even then");
      });
      await expect(failing).rejects.toThrow("not even then");
      await reader.release();
      await (await waiting).release();
    });

    it("takes the lock from its holder with steal, but overtakes nobody", async () => {
      const order: string[] = [];
      const robbed = one
        .request("jobs", async (lock) => {
          const { signal } = lock as Hold;
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          order.push("robbed");
        })
        .catch((error: unknown) => error);
      await settle();
      const waiting = one.request("jobs", () => void order.push("waited"));
      await settle();
      const stealing = two.request("jobs", { steal: true }, () => void order.push("stole"));
      await bench.clock.advance(0);
      await Promise.all([waiting, stealing]);

      expect(await robbed).toMatchObject({
        code: "LOCK_LOST",
        reason: "revoked",
        cause: { by: "two", reason: "stolen" },
      });
      expect(order).toEqual(["robbed", "waited", "stole"]);
      expect(await two.request("jobs", { steal: true }, () => "free")).toBe("free");
    });

    it("gives up waiting when its signal aborts, with its reason", async () => {
      const holder = await one.acquire("jobs");
      const controller = new AbortController();
      const { signal } = controller;
      let called = false;
      const waiting = two.request("jobs", { signal }, () => {
        called = true;
      });
      waiting.catch(() => {});
      await settle();
      controller.abort(new Error("enough"));

      await expect(waiting).rejects.toThrow("enough");
      await holder.release();
      for (const ifAvailable of [false, true]) {
        const late = two.request("jobs", { signal, ifAvailable }, () => {
          called = true;
        });
        await expect(late).rejects.toThrow("enough");
      }
      expect(called).toBe(false);
    });

    it("does not end the work when its signal aborts after the lock was got", async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const done = one.request("jobs", { signal }, (lock) => {
        controller.abort();
        return lock?.held;
      });
      expect(await done).toBe(true);
    });

    it("is waited for when the client is closed", async () => {
      const story: string[] = [];
      const running = [{}, { ifAvailable: true }].map((options, index) =>
        one.request(`jobs ${index}`, options, async (lock) => {
          const { signal } = lock as Hold;
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          await settle();
          story.push("done");
        }),
      );
      await settle();
      await one.close();
      story.push("closed");
      await Promise.all(running);
      expect(story).toEqual(["done", "done", "closed"]);
    });

    it("refuses options that do not go together, or are none", async () => {
      bench.etcd.forget();
      const { signal } = new AbortController();
      for (const options of [
        { mode: "read" },
        { ifAvailable: "yes" },
        { steal: 1 },
        { steal: true, ifAvailable: true },
        { steal: true, mode: "shared" },
        { steal: true, signal },
        { signal: "now" },
        { wait: 1 },
        null,
        "shared",
      ]) {
        const asking = one.request("jobs", options as never, () => {});
        await expect(asking, JSON.stringify(options)).rejects.toMatchObject({
          code: "INVALID_OPTION",
        });
      }
      await expect(one.request("jobs", {}, undefined as never)).rejects.toMatchObject({
        option: "callback",
      });
      await expect(one.request("jobs", "work" as never)).rejects.toMatchObject({
        option: "callback",
      });
      await expect(one.request("", () => {})).rejects.toMatchObject({ option: "name" });
      expect(bench.etcd.calls.txn).toBe(0);
    });
  });

  describe("query", () => {
    it("shows nothing when nobody is there", async () => {
      expect(await one.query()).toEqual({ held: [], pending: [] });
    });

    it("shows who holds and who waits, in order, for all locks", async () => {
      const reader = await one.rwLock("b/c").read.acquire();
      const waiting = two.acquire("b/c");
      await settle();
      const later = one.rwLock("b/c").read.acquire();
      await settle();
      const permits = await two.semaphore("a", 2).acquire();
      await putKey(bench.store, "microlock/c/694d8f");

      expect(await one.query()).toEqual({
        held: [
          { name: "a", mode: "shared", clientId: "two" },
          { name: "b/c", mode: "shared", clientId: "one" },
          { name: "c", mode: "exclusive", clientId: "microlock/c/694d8f" },
        ],
        pending: [
          { name: "b/c", mode: "exclusive", clientId: "two" },
          { name: "b/c", mode: "shared", clientId: "one" },
        ],
      });
      await deleteKey(bench.store, "microlock/c/694d8f");
      await permits.release();
      await reader.release();
      await (await waiting).release();
      await (await later).release();
    });
  });
});
