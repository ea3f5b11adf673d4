import { describe, expect, it, onTestFinished } from "vitest";
import { ClosedError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import { connect } from "../support/grpc-bench.ts";
import { serveWatches, watch } from "../support/watch-bench.ts";

describe("GrpcEtcd.watch", () => {
  it("puts all watches on one stream, and asks for progress", async () => {
    const { server, streams, ...to } = await serveWatches();
    const etcd = connect([to]);
    const one = watch(etcd, "one");
    const other = watch(etcd, "other", { startRevision: 5n });
    await eventually(() => one.created.length === 1 && other.created.length === 1);

    expect(streams).toHaveLength(1);
    expect(streams[0]?.all("create")).toMatchObject([
      { key: "one", startRevision: 0n, progressNotify: true },
      { key: "other", startRevision: 5n, progressNotify: true },
    ]);
    expect(server.connections).toBe(1);
    expect(server.calls[0]?.headers).toMatchObject({ hasleader: "true" });
  });

  it("hands each watch its own events, those of one answer together", async () => {
    const { streams, ...to } = await serveWatches();
    const etcd = connect([to]);
    const [one, other] = [watch(etcd, "one"), watch(etcd, "other")];
    await eventually(() => other.created.length === 1);

    streams[0]?.events(1n, "one", 11n, 12n);
    streams[0]?.events(2n, "other", 13n);
    await eventually(() => other.events.length === 1);
    expect(one.events).toEqual([[11n, 12n]]);
    expect(other.events).toEqual([[13n]]);
  });

  it("drops what it had already, and what is before its start", async () => {
    const { streams, ...to } = await serveWatches();
    const seen = watch(connect([to]), "key");
    await eventually(() => seen.created.length === 1);

    streams[0]?.events(1n, "key", 9n, 10n);
    streams[0]?.events(1n, "key", 11n);
    streams[0]?.events(1n, "key", 11n, 12n);
    streams[0]?.events(1n, "key", 13n);
    await eventually(() => seen.events.length === 3);
    expect(seen.events).toEqual([[11n], [12n], [13n]]);
  });

  it("goes on with other watches when an observer throws", async () => {
    const { streams, ...to } = await serveWatches();
    const etcd = connect([to]);
    const thrown: unknown[] = [];
    const onUncaught = (error: unknown): number => thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", onUncaught);
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    });
    etcd.watch(
      { key: Buffer.from("bad") },
      {
        onEvents: () => {
          throw new Error("mine");
        },
        onEnd: () => {},
      },
    );
    const good = watch(etcd, "good");
    await eventually(() => good.created.length === 1);

    streams[0]?.events(1n, "bad", 11n);
    streams[0]?.events(2n, "good", 12n);
    await eventually(() => good.events.length === 1 && thrown.length === 1);
    expect(thrown).toEqual([new Error("mine")]);
  });

  it("ends a watch from a revision that no etcd can have, and no other", async () => {
    const to = await serveWatches();
    const etcd = connect([to]);
    const bad = watch(etcd, "bad", { startRevision: 2n ** 64n });
    const good = watch(etcd, "good");
    expect(bad.ends).toEqual([]);
    await eventually(() => bad.ends.length === 1 && good.created.length === 1);
    expect(bad.ends[0]).toBeInstanceOf(RangeError);
  });

  describe("close", () => {
    it("cancels the watch, and says nothing afterwards", async () => {
      const { streams, ...to } = await serveWatches();
      const etcd = connect([to]);
      const [one, other] = [watch(etcd, "one"), watch(etcd, "other")];
      await eventually(() => other.created.length === 1);

      one.close();
      one.close();
      streams[0]?.events(1n, "one", 11n);
      streams[0]?.events(2n, "other", 12n);
      await eventually(() => other.events.length === 1);
      await eventually(() => streams[0]?.all("cancel").length === 1);
      expect(streams[0]?.all("cancel")).toMatchObject([{ id: 1n }]);
      expect(one).toMatchObject({ events: [], ends: [] });
    });

    it("cancels a watch that does not stand yet as soon as it does", async () => {
      const { streams, ...to } = await serveWatches((stream, seen) => {
        if (seen.key === "other") {
          stream.created(1n, 10n);
          stream.created(2n, 10n);
        }
      });
      const etcd = connect([to]);
      const one = watch(etcd, "one");
      await eventually(() => streams[0]?.all("create").length === 1);
      const other = watch(etcd, "other");
      one.close();

      await eventually(() => streams[0]?.all("cancel").length === 1);
      expect(streams[0]?.all("cancel")).toMatchObject([{ id: 1n }]);
      expect(one.created).toEqual([]);
      expect(other.created).toEqual([10n]);
    });

    it("ends the stream with the last watch, and opens another for the next", async () => {
      const { server, streams, ...to } = await serveWatches();
      const etcd = connect([to]);
      const one = watch(etcd, "one");
      await eventually(() => one.created.length === 1);
      one.close();
      await eventually(() => streams[0]?.call.stream.destroyed === true);

      const other = watch(etcd, "other");
      await eventually(() => other.created.length === 1);
      expect(streams).toHaveLength(2);
      expect(server.connections).toBe(1);
    });

    it("goes by the ids of a proxy that has its own", async () => {
      let next = 0n;
      const { streams, ...to } = await serveWatches((stream, { command }) => {
        if (command === "create") stream.created(next++, 10n);
      });
      const etcd = connect([to]);
      const [one, other] = [watch(etcd, "one"), watch(etcd, "other")];
      await eventually(() => other.created.length === 1);
      streams[0]?.events(1n, "other", 11n);
      streams[0]?.events(0n, "one", 12n);
      await eventually(() => one.events.length === 1);
      expect(other.events).toEqual([[11n]]);
    });
  });

  it("ends with ClosedError when the store closes, and at once afterwards", async () => {
    const { server, ...to } = await serveWatches();
    const etcd = connect([to]);
    const seen = watch(etcd, "key");
    await eventually(() => seen.created.length === 1);

    await etcd.close();
    expect(seen.ends).toEqual([new ClosedError("The store")]);
    const late = watch(etcd, "late");
    expect(late.ends).toEqual([]);
    await eventually(() => late.ends.length === 1);
    await eventually(() => server.sessions.size === 0);
  });
});
