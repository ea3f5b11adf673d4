import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { bytesOf } from "../../src/core/keys.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import { wrappedEtcd } from "../support/wrapped-etcd.ts";

describe("once", () => {
  let etcd: EmbeddedEtcd;
  let locks: Locks;

  beforeEach(async () => {
    etcd = new EmbeddedEtcd();
    locks = await connect({ store: etcd });
  });

  afterEach(() => locks.close());

  it("is not done again within its tick when somebody took its key away meanwhile", async () => {
    const options = { everyMs: 60_000, minHoldMs: 40_000 };
    const running = locks.once("x", options, async (hold) => {
      await etcd.txn({ success: [{ op: "deleteRange", request: { key: bytesOf(hold.key) } }] });
    });
    await expect(running).rejects.toMatchObject({ code: "LOCK_LOST" });

    const again = await locks.once("x", options, () => "done");

    expect(again).toMatchObject({ ran: false });
    expect(etcd.leaseCount).toBe(2);
  });

  it("does the work for who asks again for want of an answer", async () => {
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
    const other = await connect({ store, callTimeoutMs: 90 });
    const options = { everyMs: 60_000 };

    const first = await other.once("x", options, () => "done").catch((error: unknown) => error);
    const again = await other.once("x", options, () => "done");

    expect(first).toBeInstanceOf(StoreUnavailableError);
    expect(again).toMatchObject({ ran: true, result: "done" });
    await other.close();
  });
});
