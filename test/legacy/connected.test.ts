import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { connect } from "../../src/connect.ts";
import { AlreadyLockedError, LockNotOwnedError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import Microlock from "../../src/microlock.ts";
import { describeQueueLock } from "../support/describe-queue-lock.ts";
import { entriesBelow } from "../support/keys.ts";

describe("with a client from connect()", () => {
  const etcd = new EmbeddedEtcd();
  let client: Locks;

  beforeAll(async () => {
    client = await connect({ store: etcd });
  });
  afterAll(async () => {
    await client.close();
    await etcd.close();
  });

  describeQueueLock("the embedded store", () => ({ client, etcd }));

  it("excludes the holds of that client, and its holds exclude it", async () => {
    const foo = new Microlock(client, "both", "one", 10);
    const hold = await client.acquire("both");
    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    await expect(foo.unlock()).rejects.toThrow(LockNotOwnedError);
    await hold.release();

    const { fencingToken } = await foo.lock();
    expect(fencingToken).toBeGreaterThan(hold.fencingToken);
    expect(await client.tryAcquire("both")).toBeUndefined();

    const waiting = client.acquire("both");
    await vi.waitFor(async () =>
      expect(await entriesBelow(etcd, "microlock/both/")).toHaveLength(2),
    );
    await foo.unlock();
    await expect(foo.lock()).rejects.toThrow(AlreadyLockedError);
    await (await waiting).release();
    foo.destroy();
  });

  it("goes on to work on a store that outlives the client", async () => {
    const closed = await connect({ store: etcd });
    const foo = new Microlock(closed, "closed", "one");
    await closed.close();
    expect(await foo.lock()).toHaveProperty("fencingToken");
    await foo.unlock();
    foo.destroy();
  });
});
