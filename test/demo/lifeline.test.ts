import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lifeline } from "../../demo/lifeline.ts";
import { suspendableClock } from "../../demo/suspendable-clock.ts";
import { suspendableEtcd } from "../../demo/suspendable-etcd.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { connect, LockLostError, type Locks } from "../../src/index.ts";

const ttlMs = 1_000;

describe("Lifeline", () => {
  let store: EmbeddedEtcd;
  let lifeline: Lifeline;
  let victim: Locks;
  let other: Locks;

  beforeEach(async () => {
    store = new EmbeddedEtcd();
    lifeline = new Lifeline();
    const clock = suspendableClock(lifeline);
    victim = await connect({ store: suspendableEtcd(store, lifeline), clock, ttlMs });
    other = await connect({ store, ttlMs });
  });

  afterEach(async () => {
    await other.close();
    await store.close();
  });

  function wake(delayMs: number): Promise<void> {
    const clock = suspendableClock(lifeline);
    return new Promise((resolve) => clock.setTimer(delayMs, resolve));
  }

  it("freezes a client, which finds its hold lost in the first line that runs again", async () => {
    const hold = await victim.acquire("jobs");
    const awake = wake(50).then(() => ({ held: hold.held, aborted: hold.signal.aborted }));

    lifeline.pause();
    const next = await other.acquire("jobs");
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    lifeline.resume();

    expect(await awake).toEqual({ held: false, aborted: true });
    await expect(hold.release()).rejects.toThrow(LockLostError);
    await next.release();
    await victim.close();
  });

  it("lets a pause that is shorter than the lease pass without harm", async () => {
    const hold = await victim.acquire("jobs");
    const awake = wake(10).then(() => hold.held);

    lifeline.pause();
    await new Promise((resolve) => setTimeout(resolve, 100));
    lifeline.resume();

    expect(await awake).toBe(true);
    await hold.release();
    await victim.close();
  });

  it("cuts a client off, which leaves no watch, no timer, and no lease for longer than its TTL", async () => {
    const hold = await victim.acquire("jobs");
    // By then it watches its key.
    await wake(50);
    let woken = false;
    void wake(10).then(() => {
      woken = true;
    });

    lifeline.cut();
    const next = await other.acquire("jobs");
    expect(next.fencingToken).toBeGreaterThan(hold.fencingToken);
    await next.release();
    await other.close();

    expect(woken).toBe(false);
    expect(store.watchCount).toBe(0);
    expect(store.leaseCount).toBe(0);
    expect(store.keyCount).toBe(0);
  });

  it("lets through what came during a pause in the order in which it came", async () => {
    const came: number[] = [];
    lifeline.pause();
    lifeline.deliver(() => came.push(1));
    lifeline.deliver(() => came.push(2));
    expect(came).toEqual([]);

    lifeline.resume();
    // Later, but sooner delivered than the rest if there were no order.
    lifeline.deliver(() => came.push(3));
    await expect.poll(() => came).toEqual([1, 2, 3]);
    await victim.close();
  });
});
