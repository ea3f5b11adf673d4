import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { bytesOf } from "../../src/core/keys.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";

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
});
