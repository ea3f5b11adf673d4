import { beforeEach, describe, expect, it, vi } from "vitest";
import { ClosedError, CompactedError, InvalidOptionError } from "../../../src/errors.ts";
import type { RequestOp, TxnResponse, WatchObserver } from "../../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../../src/etcd/embedded/embedded-etcd.ts";
import { describeEtcd } from "../../support/describe-etcd.ts";
import { SimulatedClock, settle } from "../../support/simulated-clock.ts";

describeEtcd("EmbeddedEtcd, by the contract", async () => {
  const clock = new SimulatedClock();
  return { etcd: new EmbeddedEtcd({ clock }), passTime: (ms) => clock.advance(ms) };
});

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const a = bytes("a");
const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };

function put(key: string, lease = 0n): RequestOp {
  return { op: "put", request: { key: bytes(key), value: bytes("v"), lease } };
}

describe("EmbeddedEtcd", () => {
  let clock: SimulatedClock;
  let etcd: EmbeddedEtcd;
  const run = (...success: RequestOp[]): Promise<TxnResponse> => etcd.txn({ success });

  beforeEach(() => {
    clock = new SimulatedClock();
    etcd = new EmbeddedEtcd({ clock });
  });

  it("begins at revision 1", async () => {
    expect((await etcd.txn({})).header.revision).toBe(1n);
    expect((await run(put("a"))).header.revision).toBe(2n);
  });

  it("carries out a call before it returns", async () => {
    void run(put("a"));
    expect(etcd.keyCount).toBe(1);
  });

  it("undoes a transaction that keeps the value of a key it has deleted itself", async () => {
    const { header } = await run(put("a"), put("b"));
    const keepValue: RequestOp = {
      op: "put",
      request: { key: bytes("b"), value: new Uint8Array(), ignoreValue: true },
    };
    const openDelete: RequestOp = {
      op: "deleteRange",
      request: { key: a, rangeEnd: new Uint8Array(1) },
    };
    await expect(run(put("0"), openDelete, keepValue)).rejects.toThrow("key not found");
    const { responses, header: after } = await run({ op: "range", request: everything });
    expect(after.revision).toBe(header.revision);
    expect(responses).toMatchObject([{ response: { count: 2n, kvs: [{ version: 1n }, {}] } }]);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses a history limit of %s", (historyLimit) => {
    expect(() => new EmbeddedEtcd({ historyLimit })).toThrow(InvalidOptionError);
  });

  it("forgets all but the latest revisions by itself", async () => {
    const small = new EmbeddedEtcd({ clock, historyLimit: 3 });
    for (let revision = 2; revision <= 5; revision++) await small.txn({ success: [put("a")] });
    const read = (revision: bigint): Promise<unknown> =>
      small.txn({ success: [{ op: "range", request: { key: a, revision } }] });
    const seen: unknown[] = [];
    const observer = { onEvents: seen.push.bind(seen), onEnd: seen.push.bind(seen) };

    await read(3n);
    await expect(read(2n)).rejects.toThrow("required revision has been compacted");
    small.watch({ key: a, startRevision: 2n }, observer);
    await settle();

    expect(seen).toEqual([expect.any(CompactedError)]);
    expect(seen).toMatchObject([{ compactRevision: 3n }]);
    seen.length = 0;
    small.watch({ key: a, startRevision: 3n }, observer);
    await settle();
    expect(seen).toHaveLength(3);
  });

  it("reads every revision of a long history", async () => {
    const small = new EmbeddedEtcd({ clock, historyLimit: 2_000 });
    for (let i = 0; i < 10_000; i++) await small.txn({ success: [put(`k${i % 7}`)] });
    for (const revision of [8_002n, 8_003n, 9_000n, 10_001n]) {
      const sort = { by: "modRevision", order: "descending" } as const;
      const request = { ...everything, revision, sort, limit: 1n };
      const { responses } = await small.txn({ success: [{ op: "range", request }] });
      expect(responses).toMatchObject([
        { response: { count: 7n, kvs: [{ modRevision: revision }] } },
      ]);
    }
  });

  describe("leases", () => {
    it("end exactly when their time is over", async () => {
      const { id } = await etcd.leaseGrant({ ttl: 5n });
      await run(put("a", id));
      await clock.advance(4_999);
      expect([etcd.keyCount, etcd.leaseCount]).toEqual([1, 1]);
      await clock.advance(1);
      expect([etcd.keyCount, etcd.leaseCount]).toEqual([0, 0]);
    });

    it("end in the order in which they run out, each at its own revision", async () => {
      const granted = await Promise.all([9n, 3n, 6n].map((ttl) => etcd.leaseGrant({ ttl })));
      for (const { id, ttl } of granted) await run(put(`${ttl}`, id));
      const gone: string[] = [];
      etcd.watch(everything, {
        onEvents: (events) => {
          for (const { kv } of events) gone.push(`${Buffer.from(kv.key)} @${kv.modRevision}`);
        },
        onEnd: () => {},
      });
      await clock.advance(9_000);
      expect(gone).toEqual(["3 @5", "6 @6", "9 @7"]);
    });

    it("end in time after another that was granted for longer, or renewed", async () => {
      await etcd.leaseGrant({ ttl: 9n });
      const { id } = await etcd.leaseGrant({ ttl: 3n });
      await etcd.leaseGrant({ ttl: 4n });
      await clock.advance(2_000);
      await etcd.leaseKeepAlive(id);
      await clock.advance(1_999);
      expect(etcd.leaseCount).toBe(3);
      await clock.advance(1);
      expect(etcd.leaseCount).toBe(2);
      await clock.advance(1_000);
      expect(etcd.leaseCount).toBe(1);
    });

    it("use one timer, and none when there are none", async () => {
      const ids: bigint[] = [];
      for (const ttl of [9n, 3n, 6n]) ids.push((await etcd.leaseGrant({ ttl })).id);
      expect([clock.timerCount, etcd.timerCount]).toEqual([1, 1]);
      for (const id of ids) await etcd.leaseRevoke(id);
      expect([clock.timerCount, etcd.timerCount]).toEqual([0, 0]);
    });

    it("are over for whoever asks, even if no timer could fire", async () => {
      const { id } = await etcd.leaseGrant({ ttl: 5n });
      await run(put("a", id));
      clock.jump(5_000);
      expect((await etcd.leaseKeepAlive(id)).ttl).toBe(0n);
      expect(etcd.keyCount).toBe(0);
      expect(clock.timerCount).toBe(0);
    });

    it("do not end while they are kept alive", async () => {
      const { id } = await etcd.leaseGrant({ ttl: 3n });
      for (let round = 0; round < 5; round++) {
        await clock.advance(2_999);
        expect((await etcd.leaseKeepAlive(id)).ttl).toBe(3n);
      }
      await clock.advance(2_999);
      expect(etcd.leaseCount).toBe(1);
      await clock.advance(1);
      expect(etcd.leaseCount).toBe(0);
    });

    it("do not keep the process alive", async () => {
      const setTimer = vi.spyOn(clock, "setTimer");
      await etcd.leaseGrant({ ttl: 3n });
      expect(setTimer.mock.lastCall?.at(2)).toEqual({ keepsProcessAlive: false });
    });
  });

  describe("watches", () => {
    it("are told in a microtask, and before whoever made the change has its answer", async () => {
      const order: string[] = [];
      etcd.watch({ key: a }, { onEvents: () => order.push("event"), onEnd: () => {} });
      const done = run(put("a")).then(() => order.push("answer"));
      order.push("returned");
      await done;
      expect(order).toEqual(["returned", "event", "answer"]);
    });

    it("are never told in the midst of an observer", async () => {
      let depth = 0;
      const depths: number[] = [];
      etcd.watch(everything, {
        onEvents(events) {
          depths.push(++depth);
          if (events[0]?.kv.modRevision === 2n) void run(put("b"));
          depth--;
        },
        onEnd: () => {},
      });
      await run(put("a"));
      await settle();
      expect(depths).toEqual([1, 1]);
    });

    it("can be closed by an observer, and the one closed hears no more", async () => {
      const heard: string[] = [];
      etcd.watch({ key: a }, { onEvents: () => second.close(), onEnd: () => {} });
      const second = etcd.watch({ key: a }, { onEvents: () => heard.push("2"), onEnd: () => {} });
      etcd.watch({ key: a }, { onEvents: () => heard.push("3"), onEnd: () => {} });
      await run(put("a"));
      await settle();
      expect(heard).toEqual(["3"]);
    });

    it("go on when an observer throws, whose error goes uncaught", async () => {
      const [listeners, uncaught] = [process.listeners("uncaughtException"), vi.fn()];
      process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
      try {
        const heard: string[] = [];
        const mistake = new Error("the watcher's mistake");
        const thrower: WatchObserver = {
          onEvents() {
            throw mistake;
          },
          onEnd() {},
        };
        etcd.watch({ key: a }, thrower);
        etcd.watch({ key: a }, { onEvents: () => heard.push("b"), onEnd: () => {} });
        await run(put("a"));
        await settle();
        expect(heard).toEqual(["b"]);
        expect(uncaught.mock.calls.map(([error]) => error)).toEqual([mistake]);
      } finally {
        process.removeAllListeners("uncaughtException");
        for (const listener of listeners) process.on("uncaughtException", listener);
      }
    });

    it("hear of what happened before the store was closed, and then of its end", async () => {
      const heard: unknown[] = [];
      etcd.watch(
        { key: a },
        { onEvents: () => heard.push("put"), onEnd: (error) => heard.push(error) },
      );
      void run(put("a"));
      void etcd.close();
      await settle();
      expect(heard).toEqual(["put", expect.any(ClosedError)]);
    });

    it("are counted until they are closed or end", async () => {
      const observer = { onEvents: () => {}, onEnd: () => {} };
      const watches = [{ key: a }, everything, { key: a, rangeEnd: bytes("b") }].map((range) =>
        etcd.watch(range, observer),
      );
      etcd.watch({ key: a, rangeEnd: a }, observer);
      expect(etcd.watchCount).toBe(3);
      watches[0]?.close();
      watches[0]?.close();
      expect(etcd.watchCount).toBe(2);
      await etcd.close();
      expect(etcd.watchCount).toBe(0);
    });
  });

  it("leaves no timer when it is closed, and lets no lease end after that", async () => {
    const { id } = await etcd.leaseGrant({ ttl: 5n });
    await run(put("a", id));
    await etcd.close();
    expect(clock.timerCount).toBe(0);
    await clock.advance(10_000);
    expect(etcd.keyCount).toBe(1);
  });
});
