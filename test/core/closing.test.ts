import { beforeEach, describe, expect, it } from "vitest";
import { ClosedError, StoreError, StoreUnavailableError } from "../../src/errors.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { settle } from "../support/simulated-clock.ts";

describe("closing a client", () => {
  let bench: Bench;
  let locks: Locks;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client();
  });

  /** What a promise that must not be left alone came to. */
  const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.catch((error: unknown) => error);

  it("gives no lock to who asked just before", async () => {
    const asking = outcomeOf(locks.acquire("jobs"));
    const closing = locks.close();

    expect(await asking).toBeInstanceOf(ClosedError);
    await closing;
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("gives no lock to who was asking when the lease ended", async () => {
    let answer = (): void => {};
    bench.etcd.override("txn", async (request, options) => {
      const response = await bench.store.txn(request, options);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return response;
    });
    const asking = outcomeOf(locks.tryAcquire("jobs"));
    await settle();
    bench.etcd.override("txn", undefined);
    const closing = locks.close();
    await settle();
    answer();

    expect(await asking).toBeInstanceOf(ClosedError);
    await closing;
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("does not wait for a session that cannot be opened", async () => {
    const lease = (await locks.acquire("jobs")).key.split(/[/-]/).at(-2);
    bench.etcd.override("leaseGrant", (_request, { signal } = {}) => {
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    });
    await bench.store.leaseRevoke(BigInt(`0x${lease}`));
    await settle();
    const asking = outcomeOf(locks.acquire("jobs"));
    await settle();
    await locks.close();

    expect(await asking).toBeInstanceOf(ClosedError);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("asks again to end its lease when the connection breaks before an answer", async () => {
    await locks.acquire("jobs");
    let asked = 0;
    bench.etcd.override("leaseRevoke", async (id, options) => {
      asked += 1;
      if (asked === 1) throw new StoreUnavailableError("the connection was reset");
      return bench.store.leaseRevoke(id, options);
    });
    const closing = locks.close();
    await settle();
    await bench.clock.advance(100);
    await closing;

    expect(asked).toBe(2);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("watches nothing any more once the session is lost", async () => {
    const hold = await locks.acquire("jobs");
    bench.clock.jump(10_000);
    expect(hold.held).toBe(false);
    expect(bench.etcd.openWatches).toBe(0);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  it("leaves no lease behind when etcd refuses the session's key", async () => {
    bench.etcd.override("txn", async () => {
      throw new StoreError("PERMISSION_DENIED", "no", { code: "STORE_DENIED" });
    });
    let revoked = 0;
    bench.etcd.override("leaseRevoke", async (id, options) => {
      await settle();
      revoked += 1;
      return bench.store.leaseRevoke(id, options);
    });
    await expect(bench.client()).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(revoked).toBe(1);
    bench.etcd.override("leaseRevoke", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });
});
