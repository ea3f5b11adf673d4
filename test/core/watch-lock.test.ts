import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf, prefixRange } from "../../src/core/keys.ts";
import type { LockEvent } from "../../src/core/lock-events.ts";
import type { LockWatch } from "../../src/core/watch-lock.ts";
import { CompactedError } from "../../src/errors.ts";
import type { WatchObserver } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

// One for each client.
const ofSessions = 3;

describe("watch", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let watcher: Locks;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
    watcher = await bench.client({ nodeId: "watcher" });
  });

  afterEach(async () => {
    bench.etcd.override("watch", undefined);
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  /** Reads a watch to its end. */
  function reading(watch: LockWatch): {
    events: LockEvent[];
    story: string[];
    end: Promise<unknown>;
  } {
    const events: LockEvent[] = [];
    const story: string[] = [];
    const end = (async () => {
      for await (const event of watch) {
        events.push(event);
        story.push(`${event.nodeId ?? "?"} ${event.type}`);
      }
    })().catch((error: unknown) => error);
    return { events, story, end };
  }

  async function watching(name = "jobs"): Promise<ReturnType<typeof reading>> {
    const watch = watcher.watch(name);
    const read = reading(watch);
    await watch.standing;
    return read;
  }

  it("tells who asks, who gets in, and who lets go, in order", async () => {
    const { events, story } = await watching();
    const first = await one.acquire("jobs", { reason: "invoices" });
    const waiting = two.acquire("jobs");
    await settle();
    await first.release();
    const second = await waiting;
    await second.release();
    await settle();

    expect(story).toEqual([
      "one joined",
      "one acquired",
      "two joined",
      "one released",
      "two acquired",
      "two released",
    ]);
    expect(events[1]).toMatchObject({
      mode: "exclusive",
      reason: "invoices",
      key: first.key,
      fencingToken: first.fencingToken,
      revision: first.fencingToken,
    });
    expect(events.map(({ revision }) => revision)).toEqual(
      events.map(({ revision }) => revision).sort((a, b) => Number(a - b)),
    );
  });

  it("tells nothing of what was before it stood, but of what becomes of that", async () => {
    const first = await one.acquire("jobs");
    const waiting = two.acquire("jobs");
    await settle();
    const { story } = await watching();
    await settle();
    expect(story).toEqual([]);
    await first.release();
    await (await waiting).release();
    await settle();
    expect(story).toEqual(["one released", "two acquired", "two released"]);
  });

  it("tells who gave up waiting", async () => {
    const holder = await one.acquire("jobs");
    const { story } = await watching();
    const waiting = two.acquire("jobs", { waitMs: 100 }).catch(() => {});
    await bench.clock.advance(100);
    await waiting;
    await holder.release();
    await settle();
    expect(story).toEqual(["two joined", "two left", "one released"]);
  });

  it("tells of readers that get in together, and of a writer that became one", async () => {
    const writer = await one.rwLock("jobs").write.acquire();
    const { story, events } = await watching();
    const readers = [two.rwLock("jobs").read.acquire(), one.rwLock("jobs").read.acquire()];
    await settle();
    await writer.downgrade();
    for (const reading of readers) await (await reading).release();
    await writer.release();
    await settle();

    expect(story.slice(0, 4).sort()).toEqual([
      "one acquired",
      "one joined",
      "two acquired",
      "two joined",
    ]);
    expect(story.slice(0, 2).every((each) => each.endsWith("joined"))).toBe(true);
    expect(story.slice(4)).toEqual(["two released", "one released", "one released"]);
    expect(events.at(-1)).toMatchObject({ mode: "read", fencingToken: writer.fencingToken });
  });

  it("tells of all who get in when a semaphore has room", async () => {
    const { story } = await watching();
    const large = await one.semaphore("jobs", 2).acquire({ permits: 2 });
    const small = [two.semaphore("jobs", 2).acquire(), two.semaphore("jobs", 2).acquire()];
    await settle();
    await large.release();
    for (const asking of small) await (await asking).release();
    await settle();

    expect(story).toEqual([
      "one joined",
      "one acquired",
      "two joined",
      "two joined",
      "one released",
      "two acquired",
      "two acquired",
      "two released",
      "two released",
    ]);
  });

  it("tells of a holder whose lease ended, and of the waiters that went with it", async () => {
    const holder = await one.acquire("jobs");
    const waiting = Promise.allSettled([one.acquire("jobs"), two.acquire("jobs")]);
    await settle();
    const { story } = await watching();
    await bench.store.leaseRevoke(BigInt(`0x${holder.key.split(/[/-]/).at(-2)}`));
    await bench.clock.advance(10);

    expect(story).toEqual(["one expired", "one expired", "two acquired"]);
    const [, last] = await waiting;
    if (last?.status === "fulfilled") await last.value.release();
  });

  it("tells that a holder was revoked, whether or not it let go by itself", async () => {
    const { story } = await watching();
    for (const letsGo of [true, false]) {
      const holder = await one.acquire("jobs");
      const forcing = two.forceRelease("jobs", { reason: "test", graceMs: 100 });
      await settle();
      if (letsGo) await holder.release().catch(() => {});
      await bench.clock.advance(100);
      await forcing;
    }
    await settle();
    const each = ["one joined", "one acquired", "one revoked"];
    expect(story).toEqual([...each, ...each]);
  });

  it("tells of foreign holders, and whether their lease ended", async () => {
    const { story, events } = await watching();
    await putKey(bench.store, "microlock/jobs/by-hand");
    await deleteKey(bench.store, "microlock/jobs/by-hand");
    await settle();
    await bench.store.leaseGrant({ id: 77n, ttl: 5n });
    await putKey(bench.store, "microlock/jobs/77-go", "", 77n);
    await settle();
    await bench.clock.advance(6_000);
    await bench.store.leaseGrant({ id: 78n, ttl: 5n });
    await putKey(bench.store, "microlock/jobs/78-go", "", 78n);
    await settle();
    await deleteKey(bench.store, "microlock/jobs/78-go");
    await settle();
    await bench.store.leaseRevoke(78n);

    expect(story).toEqual([
      "? joined",
      "? acquired",
      "? released",
      "? joined",
      "? acquired",
      "? expired",
      "? joined",
      "? acquired",
      "? released",
    ]);
    expect(events[0]).toMatchObject({ key: "microlock/jobs/by-hand", expires: false });
  });

  it("tells of a hold that moves to another process as one", async () => {
    const { story } = await watching();
    const hold = await one.acquire("jobs");
    const moved = await two.attach(await hold.detach());
    await moved.release();
    await settle();
    expect(story).toEqual(["one joined", "one acquired", "two released"]);
  });

  it("tells nothing of the queues of other names", async () => {
    const { story } = await watching();
    await one.run(["job", "jobs2", "jobs/a"], () => {});
    await settle();
    expect(story).toEqual([]);
  });

  it("tells what the watch told while the queue was being read once, and only once", async () => {
    let answer = (): void => {};
    bench.etcd.override("txn", async (request, options) => {
      const response = await bench.store.txn(request, options);
      const [first] = request.success ?? [];
      if (first?.op !== "range" || !first.request.sort) return response;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return response;
    });
    const { story } = reading(watcher.watch("jobs"));
    await settle();
    await putKey(bench.store, "microlock/jobs/1");
    await deleteKey(bench.store, "microlock/jobs/1");
    await settle();
    bench.etcd.override("txn", undefined);
    answer();
    await settle();
    expect(story).toEqual(["? joined", "? acquired", "? released"]);
  });

  it("does not tell what the watch told, and was read already", async () => {
    let ask = (): void => {};
    bench.etcd.override("txn", async (request, options) => {
      const [first] = request.success ?? [];
      if (first?.op === "range" && first.request.sort) {
        await new Promise<void>((resolve) => {
          ask = resolve;
        });
      }
      return bench.store.txn(request, options);
    });
    const { story } = reading(watcher.watch("jobs"));
    await settle();
    await putKey(bench.store, "microlock/jobs/1");
    await settle();
    bench.etcd.override("txn", undefined);
    ask();
    await settle();
    expect(story).toEqual([]);
    await deleteKey(bench.store, "microlock/jobs/1");
    await settle();
    expect(story).toEqual(["? released"]);
  });

  it("stands only at what the watch stands at, though another member is behind", async () => {
    await putKey(bench.store, "microlock/jobs/1");
    let behind = 3;
    bench.etcd.override("txn", async (request, options) => {
      const response = await bench.store.txn(request, options);
      if (behind-- <= 0) return response;
      const header = { ...response.header, revision: response.header.revision - 1n };
      return {
        ...response,
        header,
        responses: [{ op: "range", response: { kvs: [], more: false, count: 0n } }],
      };
    });
    const { story } = await watching();
    await deleteKey(bench.store, "microlock/jobs/1");
    await settle();
    expect(story).toEqual(["? released"]);
  });

  it("keeps the process alive for those who wait until it stands, and for nobody else", async () => {
    const timers = bench.clock.timerCount;
    const watch = watcher.watch("jobs");
    expect(bench.clock.timerCount).toBe(timers);
    const standing = Promise.all([watch.standing, watch.standing]);
    expect(bench.clock.timerCount).toBe(timers + 1);
    await standing;
    expect(bench.clock.timerCount).toBe(timers);
    await watch.standing;
    expect(bench.clock.timerCount).toBe(timers);
    const left = watcher.watch("jobs");
    void left.standing;
    await left.return?.();
    expect(bench.clock.timerCount).toBe(timers);
    await watch.return?.();
  });

  it("goes on over a watch that was established anew", async () => {
    const observers: WatchObserver[] = [];
    bench.etcd.override("watch", (request, observer) => {
      observers.push(observer);
      return bench.store.watch(request, observer);
    });
    const { story } = await watching();
    const hold = await one.acquire("jobs");
    // As an adapter has it: it stands again, and nothing is left out.
    for (const observer of observers) observer.onCreated?.(hold.fencingToken);
    await hold.release();
    await settle();
    expect(story).toEqual(["one joined", "one acquired", "one released"]);
  });

  it("says that it missed something when etcd has forgotten it", async () => {
    let observer: WatchObserver | undefined;
    bench.etcd.override("watch", (request, seen) => {
      observer = seen;
      return bench.store.watch(request, seen);
    });
    const { story, end } = await watching();
    bench.etcd.override("watch", undefined);
    const hold = await one.acquire("jobs");
    await settle();
    observer?.onEnd(new CompactedError(7n));
    await bench.clock.advance(0);

    expect(await end).toMatchObject({ code: "WATCH_OVERRUN", key: "jobs" });
    expect(story).toEqual(["one joined", "one acquired"]);
    await hold.release();
  });

  it("says so when it is read too slowly, after what it kept", async () => {
    const watch = watcher.watch("jobs");
    await watch.standing;
    for (let index = 0; index < 3_400; index++) {
      await putKey(bench.store, "microlock/jobs/1");
      await deleteKey(bench.store, "microlock/jobs/1");
      if (index % 100 === 0) await settle();
    }
    await settle();
    const { story, end } = reading(watch);
    expect(await end).toMatchObject({ code: "WATCH_OVERRUN" });
    expect(story.length).toBeLessThanOrEqual(10_000);
    expect(story.length).toBeGreaterThan(9_000);
    expect(story.slice(0, 4)).toEqual(["? joined", "? acquired", "? released", "? joined"]);
    expect(bench.etcd.openWatches).toBe(ofSessions);
  }, 20_000);

  describe("ends, and leaves nothing,", () => {
    it("when its signal aborts, with that reason", async () => {
      const controller = new AbortController();
      const { end } = reading(watcher.watch("jobs", { signal: controller.signal }));
      await settle();
      controller.abort(new Error("enough"));
      expect(await end).toMatchObject({ message: "enough" });
      expect(bench.etcd.openWatches).toBe(ofSessions);
      expect(await reading(watcher.watch("jobs", { signal: controller.signal })).end).toMatchObject(
        {
          message: "enough",
        },
      );
      expect(bench.etcd.openWatches).toBe(ofSessions);
    });

    it("when the loop is left", async () => {
      const watch = watcher.watch("jobs");
      await watch.standing;
      const hold = await one.acquire("jobs");
      for await (const { type } of watch) {
        expect(type).toBe("joined");
        break;
      }
      expect(await watch.next()).toEqual({ value: undefined, done: true });
      await hold.release();
      expect(bench.etcd.openWatches).toBe(ofSessions);
    });

    it("when the client is closed, also if it never stood", async () => {
      const { end } = await watching();
      const early = watcher.watch("jobs");
      const last = reading(early);
      await watcher.close();
      expect(await end).toBeUndefined();
      expect(await last.end).toBeUndefined();
      await early.standing;
      expect(await reading(watcher.watch("jobs")).end).toBeUndefined();
    });

    it("without listening to the signal when the client was closed before", async () => {
      await watcher.close();
      const { signal } = new AbortController();
      watcher.watch("jobs", { signal });
      watcher.election("jobs").observe({ signal });
      expect(getEventListeners(signal, "abort")).toEqual([]);
    });
  });

  describe("without a name", () => {
    function watchingAll(prefix?: string): ReturnType<typeof reading> & { watch: LockWatch } {
      const watch = prefix === undefined ? watcher.watch() : watcher.watch({ prefix });
      return { ...reading(watch), watch };
    }

    const named = (events: readonly LockEvent[]): string[] =>
      events.map(({ name, type, nodeId = "?" }) => `${name}: ${nodeId} ${type}`);

    it("tells of all locks of the namespace, each by its name, and of nothing else", async () => {
      const before = await one.acquire("old");
      const { events, watch } = watchingAll();
      await watch.standing;
      const hold = await one.acquire(["a/b", "c%d"]);
      await hold.release();
      const stranger = await bench.client({ namespace: "other/" });
      await stranger.run("a", () => {});
      await stranger.close();
      await putKey(bench.store, "microlock/no-lock");
      await deleteKey(bench.store, "microlock/no-lock");
      await before.release();
      await settle();

      expect(named(events)).toEqual([
        "a/b: one joined",
        "a/b: one acquired",
        "c%d: one joined",
        "c%d: one acquired",
        "a/b: one released",
        "c%d: one released",
        "old: one released",
      ]);
      expect(bench.etcd.openWatches).toBe(ofSessions + 1);
    });

    it("tells of those below a prefix only", async () => {
      const { events, watch } = watchingAll("orders/");
      await watch.standing;
      for (const name of ["orders/1", "orders", "order/2"]) await one.run(name, () => {});
      await settle();
      expect(new Set(events.map(({ name }) => name))).toEqual(new Set(["orders/1"]));
    });

    it("knows who comes next among those who stood there before, over many pages", async () => {
      for (let from = 0; from < 4_500; from += 100) {
        const puts = Array.from({ length: 100 }, (_, index) => {
          const name = `n${(from + index) % 1_500}`;
          const key = bytesOf(`microlock/${name}/${3 - Math.floor((from + index) / 1_500)}`);
          return { op: "put" as const, request: { key, value: new Uint8Array() } };
        });
        await bench.store.txn({ success: puts });
      }
      let page = 0;
      bench.etcd.override("txn", async (request, options) => {
        const [first] = request.success ?? [];
        const isPage = first?.op === "range" && first.request.limit === 2_000n;
        // What happens while it is being read comes after what is read.
        if (isPage && ++page === 2) await putKey(bench.store, "microlock/n0/0");
        return bench.store.txn(request, options);
      });
      const { events, watch } = watchingAll();
      await watch.standing;
      await settle();
      expect(page).toBe(3);
      expect(named(events.splice(0))).toEqual(["n0: ? joined"]);
      await deleteKey(bench.store, "microlock/n0/3");
      await deleteKey(bench.store, "microlock/n1499/2");
      await settle();
      expect(events.map(({ name, type, key }) => [name, type, key])).toEqual([
        ["n0", "released", "microlock/n0/3"],
        ["n0", "acquired", "microlock/n0/2"],
        ["n1499", "left", "microlock/n1499/2"],
      ]);
      await watch.return?.();
      await bench.store.txn({
        success: [{ op: "deleteRange", request: prefixRange("microlock/n") }],
      });
    });

    it("tells that a session ended at all that it held and waited for", async () => {
      const { events, watch } = watchingAll();
      await watch.standing;
      const holder = await one.acquire("a");
      await one.acquire("b");
      const waiting = two.acquire("a");
      await settle();
      events.length = 0;
      await bench.store.leaseRevoke(holder.lease);
      await (await waiting).release();
      await bench.clock.advance(10);
      expect(named(events)).toEqual([
        "a: one expired",
        "a: two acquired",
        "b: one expired",
        "a: two released",
      ]);
    });

    it("reads all anew when etcd forgot what it read at, and says when it missed something", async () => {
      let fails = 1;
      bench.etcd.override("txn", async (request, options) => {
        const [first] = request.success ?? [];
        if (first?.op === "range" && first.request.limit === 2_000n && fails-- > 0) {
          throw new CompactedError(7n);
        }
        return bench.store.txn(request, options);
      });
      let observer: WatchObserver | undefined;
      bench.etcd.override("watch", (request, seen) => {
        observer = seen;
        return bench.store.watch(request, seen);
      });
      const { end, watch } = watchingAll("or");
      bench.etcd.override("watch", undefined);
      await bench.clock.advance(500);
      await watch.standing;
      observer?.onEnd(new CompactedError(7n));
      await bench.clock.advance(0);
      expect(await end).toMatchObject({ code: "WATCH_OVERRUN", key: "or*" });
    });

    it("ends with its signal, its client, or the loop, and leaves nothing", async () => {
      const controller = new AbortController();
      const { end } = reading(watcher.watch({ signal: controller.signal }));
      const left = watcher.watch();
      await left.return?.();
      controller.abort(new Error("enough"));
      expect(await end).toMatchObject({ message: "enough" });
      expect(bench.etcd.openWatches).toBe(ofSessions);
      const last = watchingAll();
      await watcher.close();
      expect(await last.end).toBeUndefined();
    });
  });

  it("refuses wrong arguments at once", () => {
    expect(() => watcher.watch(undefined as never)).toThrow(/name must be/);
    expect(() => watcher.watch({ prefix: 7 } as never)).toThrow(/prefix must be/);
    expect(() => watcher.watch({ name: "a" } as never)).toThrow(/options\.name must be/);
    for (const [name, options] of [
      ["", {}],
      [7, {}],
      ["jobs", { from: 1 }],
      ["jobs", { signal: 1 }],
    ]) {
      expect(() => watcher.watch(name as never, options as never)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    }
    expect(bench.etcd.openWatches).toBe(ofSessions);
  });
});
