import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LockLostError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("run", () => {
  let bench: Bench;
  let locks: Locks;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client();
  });

  afterEach(async () => {
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("resolves with what the work returns", async () => {
    expect(await locks.run("jobs", () => 42)).toBe(42);
    expect(await locks.run("jobs", { waitMs: 0 }, async () => "done")).toBe("done");
  });

  it("rejects with what the work throws, and releases", async () => {
    const failing = locks.run("jobs", () => {
      throw new Error("no luck");
    });
    await expect(failing).rejects.toThrow("no luck");
    expect(await bench.keys()).toEqual([]);
  });

  it("rejects with LockLostError and the result when the lock was lost meanwhile", async () => {
    const lost = locks.run("jobs", async (hold) => {
      await deleteKey(bench.store, hold.key);
      return 42;
    });
    await expect(lost).rejects.toMatchObject({
      code: "LOCK_LOST",
      reason: "deleted",
      result: 42,
    });
  });

  it("carries what the work threw when the lock was lost meanwhile", async () => {
    const lost = locks.run("jobs", async (hold) => {
      await deleteKey(bench.store, hold.key);
      throw new Error("no luck");
    });
    await expect(lost).rejects.toBeInstanceOf(LockLostError);
    await expect(lost).rejects.toMatchObject({ workError: new Error("no luck") });
  });

  it("is told to stop when the client is closed, which waits for it", async () => {
    const story: string[] = [];
    const running = locks.run("jobs", async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      story.push("told");
      await settle();
      story.push("done");
    });
    await settle();
    await locks.close();
    story.push("closed");

    await running;
    expect(story).toEqual(["told", "done", "closed"]);
  });
});
