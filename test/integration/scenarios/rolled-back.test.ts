import { cp, rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { Locks } from "../../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../../support/etcd-server.ts";

describeOnEveryEtcd("an etcd that goes back in time", (version) => {
  let server: EtcdServer;
  let one: Locks;
  let two: Locks;

  beforeEach(async () => {
    server = await startEtcd({ version });
    one = await connect(server.endpoint, { ttlMs: 20_000, nodeId: "one" });
    two = await connect(server.endpoint, { ttlMs: 20_000, nodeId: "two" });
  });

  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await server.stop();
  });

  it("scenario 11: ends all holds when it was restored to what it was once, and gives out no token again", async () => {
    const old = await one.acquire("old");
    await server.kill();
    const saved = `${server.dataFolder}-saved`;
    await cp(server.dataFolder, saved, { recursive: true });
    await server.restart();
    const hold = await two.acquire("new", { waitMs: 10_000 });
    for (let count = 0; count < 50; count++) await hold.put("data", String(count));
    await old.verify();

    // The lease of the old hold comes back alive, and so does its key.
    const told = Promise.all([aborted(old), aborted(hold)]);
    await server.kill();
    await rm(server.dataFolder, { recursive: true });
    await cp(saved, server.dataFolder, { recursive: true });
    await rm(saved, { recursive: true });
    await server.restart();
    await told;

    expect(old.held || hold.held).toBe(false);
    expect(hold.signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "rolled back" });
    expect(String(hold.signal.reason.cause)).toContain("--bump-revision");
    await expect(two.acquire("another")).rejects.toMatchObject({ code: "STORE_ROLLED_BACK" });
  });

  it("scenario 11: ends all holds when its data is gone", async () => {
    const holds = [await one.acquire("one"), await two.acquire("two")];
    const told = Promise.all(holds.map(aborted));
    await server.kill();
    await rm(server.dataFolder, { recursive: true });
    await server.restart();
    await told;

    for (const { held, signal } of holds) {
      expect(held).toBe(false);
      expect(signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "rolled back" });
    }
    for (const locks of [one, two]) {
      await expect(locks.acquire("x")).rejects.toMatchObject({ code: "STORE_ROLLED_BACK" });
    }
    const fresh = await connect(server.endpoint);
    await fresh.run("x", async () => {});
    await fresh.close();
  });
});

function aborted({ signal }: { readonly signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}
