import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { wrappedEtcd } from "../support/wrapped-etcd.ts";

describe("a latch", () => {
  it("takes nothing else with it when its count came too late", async () => {
    const etcd = new EmbeddedEtcd();
    let grants = 0;
    const store = wrappedEtcd(etcd, async (name, send) => {
      const answer = await send();
      // The first one is that of the session.
      if (name === "leaseGrant" && ++grants > 1)
        await etcd.leaseRevoke((answer as { id: bigint }).id);
      return answer;
    });
    const locks = await connect({ store });
    const hold = await locks.acquire("y");

    const counting = locks.latch("x", 3).countDown();

    await expect(counting).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(hold.held).toBe(true);
    await hold.release();
    await locks.close();
  });

  it("counts down once, though the session is lost meanwhile", async () => {
    const etcd = new EmbeddedEtcd();
    const sessions: bigint[] = [];
    const store = wrappedEtcd(etcd, async (name, send) => {
      const answer = await send();
      // The lease of the count was granted; that of the session goes before the count is put.
      const [session] = sessions;
      if (name === "leaseGrant") sessions.push((answer as { id: bigint }).id);
      if (session !== undefined && sessions.length === 2) await etcd.leaseRevoke(session);
      return answer;
    });
    const locks = await connect({ store });

    const left = await locks.latch("x", 3).countDown();

    expect(left).toBe(2);
    expect(await locks.latch("x", 3).count()).toBe(2);
    await locks.close();
  });

  it("counts once when it is counted down again for want of an answer", async () => {
    const etcd = new EmbeddedEtcd();
    let grants = 0;
    let isSilent = false;
    const store = wrappedEtcd(etcd, async (name, send) => {
      // Etcd takes longer for that than the next call begins after.
      if (name === "leaseRevoke") await sleep(20);
      const answer = await send();
      // The first one is that of the session.
      if (name === "leaseGrant") isSilent = ++grants === 2;
      else if (name === "txn" && isSilent) {
        isSilent = false;
        throw new StoreUnavailableError("no answer");
      }
      return answer;
    });
    const locks = await connect({ store, callTimeoutMs: 90 });
    const latch = locks.latch("x", 3);

    const first = await latch.countDown().catch((error: unknown) => error);
    const left = await latch.countDown();

    expect(first).toBeInstanceOf(StoreUnavailableError);
    expect(left).toBe(2);
    await latch.reset();
    await locks.close();
  });

  it("is told how many are left by the answer to its count, and needs no other one", async () => {
    const etcd = new EmbeddedEtcd();
    const asked: string[] = [];
    const store = wrappedEtcd(etcd, (name, send) => {
      asked.push(name);
      return send();
    });
    const locks = await connect({ store });
    const latch = locks.latch("x", 3);
    asked.length = 0;

    const left = [await latch.countDown(), await latch.countDown()];

    expect(left).toEqual([2, 1]);
    expect(asked).toEqual(["txn", "leaseGrant", "txn", "txn", "leaseGrant", "txn"]);
    await latch.reset();
    await locks.close();
  });
});
