import { afterAll, beforeAll, expect, it } from "vitest";
import { connect } from "../../../src/connect.ts";
import type { Locks } from "../../../src/locks.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../../support/etcd-server.ts";
import { waitersOf } from "../../support/server-state.ts";
import { startWorker } from "../../support/start-worker.ts";
import { wallClockOf } from "../../support/wall-clock.ts";

const hour = 3_600;

// The numbers are those of docs/guarantees.md.
describeOnEveryEtcd("when the time of day jumps,", (version) => {
  let server: EtcdServer;
  let locks: Locks;

  beforeAll(async () => {
    server = await startEtcd({ version });
    locks = await connect(server.endpoint, { ttlMs: 2_000 });
  });

  afterAll(async () => {
    await locks.close();
    await server.stop();
  });

  it.concurrent.for([hour, -hour])(
    "scenario 18: a client whose clock jumps by %d s notices nothing",
    async (seconds) => {
      const name = `client ${seconds}`;
      const worker = startWorker(server.endpoint, name, 2_000);
      await worker.hears("token");
      const waiting = locks.acquire(name, { waitMs: 60_000 });
      await waitersOf(server, locks.keyOf(name), 2);
      wallClockOf(worker.pid).jumpTo(seconds);
      // For longer than a TTL.
      await pass(3_000);
      worker.tell("time");
      const told = await worker.hears<number>("time");

      expect(Math.abs(told - Date.now() - seconds * 1_000)).toBeLessThan(5_000);
      expect(worker.facts.find((fact) => "time" in fact)).toMatchObject({ held: true });
      worker.tell("release");
      expect(await worker.hears("release")).toBe("done");
      await (await waiting).release();
      worker.tell("end");
      expect(await worker.ended()).toBe(0);
    },
  );

  it.concurrent("scenario 19: a server whose clock jumps lets nobody in beside a holder", async () => {
    const clock = wallClockOf(server.pid);
    const hold = await locks.acquire("server");
    const other = await connect(server.endpoint, { ttlMs: 2_000 });
    const waiting = other.acquire("server", { waitMs: 60_000 });
    await waitersOf(server, locks.keyOf("server"), 2);
    let heldAtEntrance: boolean | undefined;
    const entered = waiting.then((next) => {
      heldAtEntrance = hold.held;
      return next;
    });
    for (const seconds of [hour, -hour, 0]) {
      clock.jumpTo(seconds);
      await pass(2_500);
      expect(hold.held).toBe(true);
      await hold.verify();
    }
    expect(heldAtEntrance).toBe(undefined);
    await hold.release();
    const next = await entered;
    expect(heldAtEntrance).toBe(false);
    await next.release();
    await other.close();
  });
});

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
