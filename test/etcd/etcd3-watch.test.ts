import { beforeEach, describe, expect, it } from "vitest";
import { ClosedError, CompactedError, StoreDeniedError } from "../../src/errors.ts";
import type { WatchEvent } from "../../src/etcd/api.ts";
import { Etcd3Store } from "../../src/etcd/etcd3/etcd3-store.ts";
import { FakeEtcd3, type FakeStream } from "../support/fake-etcd3.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

describe("Etcd3Watch", () => {
  let clock: SimulatedClock;
  let fake: FakeEtcd3;
  let store: Etcd3Store;
  let created: bigint[];
  let events: WatchEvent[];
  let ends: Error[];

  beforeEach(() => {
    clock = new SimulatedClock();
    fake = new FakeEtcd3();
    store = new Etcd3Store(fake.client, clock);
    created = [];
    events = [];
    ends = [];
  });

  async function watch(startRevision?: bigint): Promise<{ close(): void }> {
    const handle = store.watch(
      { key: Buffer.from("a"), rangeEnd: Buffer.from("b"), startRevision },
      {
        onCreated: (revision) => created.push(revision),
        onEvents: (some) => events.push(...some),
        onEnd: (error) => ends.push(error),
      },
    );
    await settle();
    return handle;
  }

  function stream(number: number): FakeStream {
    const found = fake.streams[number];
    if (!found) throw new Error(`There is no stream ${number}`);
    return found;
  }

  function startOf(number: number): string | undefined {
    return stream(number).written[0]?.create_request.start_revision;
  }

  it("asks from now on, or from the revision it is told", async () => {
    await watch();
    await watch(12n);
    expect([startOf(0), startOf(1)]).toEqual(["0", "12"]);
  });

  it("goes on after the last revision that it told of, on another stream", async () => {
    await watch();
    stream(0).created("20");
    stream(0).put("a1", "21");
    stream(0).emit("error", new Error("14 UNAVAILABLE: connection dropped"));
    await clock.advance(100);
    expect(startOf(1)).toBe("22");

    stream(1).created("30");
    stream(1).put("a1", "21");
    stream(1).put("a2", "25");
    expect(created).toEqual([20n, 30n]);
    expect(events.map(({ kv }) => kv.modRevision)).toEqual([21n, 25n]);
    expect(ends).toEqual([]);
  });

  it("misses nothing when the stream breaks before the first event", async () => {
    await watch();
    stream(0).created("20");
    stream(0).emit("end");
    await clock.advance(100);
    expect(startOf(1)).toBe("21");
  });

  it("asks again when etcd does not answer a request for a watch", async () => {
    await watch();
    await clock.advance(5_200);
    expect(fake.streams).toHaveLength(2);
    expect(stream(0).ending).toEqual(["end", "cancel"]);
  });

  it("waits longer and longer between attempts, up to five seconds", async () => {
    fake.openStream = async () => {
      throw new Error("14 UNAVAILABLE: connection refused");
    };
    await watch();
    await clock.advance(100 + 200 + 400 + 800 + 1_600 + 3_200 + 5_000);
    expect(fake.streams).toHaveLength(8);
    await clock.advance(5_000);
    expect(fake.streams).toHaveLength(9);
  });

  it("begins with short waits again once a watch has come to stand", async () => {
    await watch();
    stream(0).emit("end");
    await clock.advance(100);
    stream(1).emit("end");
    await clock.advance(200);
    stream(2).created("20");
    stream(2).emit("end");
    await clock.advance(100);
    expect(fake.streams).toHaveLength(4);
  });

  it("ends when etcd has compacted what it would have to tell", async () => {
    await watch(2n);
    stream(0).answer({ created: true });
    stream(0).answer({ canceled: true, compact_revision: "9" });
    expect(ends).toEqual([expect.any(CompactedError)]);
    expect(ends[0]).toMatchObject({ compactRevision: 9n });
    expect(clock.timerCount).toBe(0);
  });

  it("ends when it is not allowed", async () => {
    await watch();
    stream(0).answer({
      created: true,
      canceled: true,
      cancel_reason: "etcdserver: permission denied",
    });
    expect(ends).toEqual([expect.any(StoreDeniedError)]);
    expect(created).toEqual([]);
  });

  it("goes on when its member has lost the leader", async () => {
    await watch();
    stream(0).created("20");
    stream(0).answer({ canceled: true, cancel_reason: "etcdserver: no leader" });
    await clock.advance(100);
    expect(fake.streams).toHaveLength(2);
    expect(ends).toEqual([]);
  });

  it("ends when the client is closed", async () => {
    fake.openStream = async () => {
      throw new Error("Tried to call a Watch method on etcd3, but the client was already closed");
    };
    await watch();
    expect(ends).toEqual([expect.any(ClosedError)]);
  });

  it("ends its stream before it cancels it, so that the client keeps its connections", async () => {
    const handle = await watch();
    stream(0).created("20");
    handle.close();
    handle.close();
    expect(stream(0).ending).toEqual(["end", "cancel"]);
    stream(0).put("a1", "21");
    expect(events).toEqual([]);
    expect(ends).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });

  it("opens nothing when it is closed at once, and drops a stream that comes too late", async () => {
    let open: (() => void) | undefined;
    fake.openStream = (late) =>
      new Promise((resolve) => {
        open = () => resolve(late);
      });
    const handle = await watch();
    handle.close();
    open?.();
    await settle();
    expect(stream(0).ending).toEqual(["end", "cancel"]);
    expect(stream(0).written).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });
});
