import { constants } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { ClosedError, CompactedError, StoreDeniedError } from "../../src/errors.ts";
import type { WatchRequest } from "../../src/etcd/api.ts";
import { GrpcEtcd, type GrpcEtcdOptions } from "../../src/etcd/grpc/grpc-etcd.ts";
import { eventually } from "../support/eventually.ts";
import { FakeGrpcServer } from "../support/fake-grpc-server.ts";
import { FakeWatchStream, type WatchCommandSeen } from "../support/fake-watches.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type OnCommand = (stream: FakeWatchStream, seen: WatchCommandSeen) => void;

/** Lets every watch stand at once, at revision 10. */
const welcome: OnCommand = (stream, { command, id }) => {
  if (command === "create") stream.created(id, 10n);
};

async function serve(onCommand: OnCommand = welcome, tokens: string[] = []) {
  const streams: FakeWatchStream[] = [];
  const server = await FakeGrpcServer.start({
    "Watch/Watch": (call) => streams.push(new FakeWatchStream(call, onCommand)),
    "Auth/Authenticate": (call) =>
      call.reply((writer) => writer.string(2, tokens.shift() ?? "last")),
    "Lease/LeaseKeepAlive": () => {},
  });
  cleanups.push(() => server.stop());
  return { server, streams, endpoint: server.endpoint };
}

function connect(
  servers: { endpoint: string }[],
  options: Partial<GrpcEtcdOptions> = {},
): GrpcEtcd {
  const etcd = new GrpcEtcd({ endpoints: servers.map(({ endpoint }) => endpoint), ...options });
  cleanups.push(() => etcd.close());
  return etcd;
}

function watch(etcd: GrpcEtcd, key: string, request: Partial<WatchRequest> = {}) {
  const seen = {
    created: [] as bigint[],
    /** The revisions of each call of `onEvents`. */
    events: [] as bigint[][],
    ends: [] as Error[],
    close: () => watched.close(),
  };
  const watched = etcd.watch(
    { key: Buffer.from(key), ...request },
    {
      onCreated: (revision) => seen.created.push(revision),
      onEvents: (events) => seen.events.push(events.map(({ kv }) => kv.modRevision)),
      onEnd: (error) => seen.ends.push(error),
    },
  );
  return seen;
}

/** A clock whose delays are a hundred times shorter, so that nobody has to wait for seconds. */
const hastyClock: Clock = {
  now: () => performance.now() * 100,
  wallTime: () => Date.now(),
  setTimer(delayMs, wake) {
    const timer = setTimeout(wake, delayMs / 100);
    return () => clearTimeout(timer);
  },
};

describe("GrpcEtcd.watch", () => {
  it("puts all watches on one stream, and asks for progress", async () => {
    const { server, streams, ...to } = await serve();
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
    const { streams, ...to } = await serve();
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
    const { streams, ...to } = await serve();
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
    const { streams, ...to } = await serve();
    const etcd = connect([to]);
    const thrown: unknown[] = [];
    const onUncaught = (error: unknown): number => thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", onUncaught);
    cleanups.push(() => {
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

  describe("when the stream is lost", () => {
    it("goes on behind the last event, or behind its creation, and says that it stands again", async () => {
      const { server, streams, ...to } = await serve();
      const etcd = connect([to]);
      const [fresh, late, busy] = [
        watch(etcd, "fresh"),
        watch(etcd, "late", { startRevision: 4n }),
        watch(etcd, "busy"),
      ];
      await eventually(() => busy.created.length === 1);
      streams[0]?.events(3n, "busy", 20n);
      streams[0]?.progress(40n);
      await eventually(() => busy.events.length === 1);

      server.cut();
      await eventually(() => busy.created.length === 2);
      expect(streams[1]?.all("create")).toMatchObject([
        { key: "fresh", startRevision: 11n },
        { key: "late", startRevision: 4n },
        { key: "busy", startRevision: 21n },
      ]);
      expect(fresh.ends.concat(late.ends)).toEqual([]);
    });

    it.each([
      ["no leader", 14, "etcdserver: no leader"],
      ["too many requests", 8, "etcdserver: too many requests"],
      ["no reason", 0, ""],
    ])("moves to the next endpoint after %s", async (_what, code, message) => {
      const first = await serve((stream) => stream.call.end(code, message));
      const second = await serve();
      const seen = watch(connect([first, second]), "key");
      await eventually(() => seen.created.length === 1);
      expect(second.streams).toHaveLength(1);
      expect(seen.ends).toEqual([]);
    });

    it("takes its time with a server that lets watches stand only to drop them", async () => {
      const { streams, ...to } = await serve((stream, seen) => {
        welcome(stream, seen);
        stream.call.end(14, "etcdserver: no leader");
      });
      const seen = watch(connect([to]), "key");
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(streams.length).toBeLessThan(7);
      expect(seen.ends).toEqual([]);
    });

    it("moves at a GOAWAY, though the stream could go on", async () => {
      const first = await serve();
      const second = await serve();
      const seen = watch(connect([first, second]), "key");
      await eventually(() => seen.created.length === 1);

      first.streams[0]?.call.stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
      await eventually(() => second.streams.length === 1 && seen.created.length === 2);
      expect(second.streams[0]?.all("create")).toMatchObject([{ startRevision: 11n }]);
    });

    it("moves with the keepalives, when one of them is not answered in time", async () => {
      const first = await serve();
      const second = await serve();
      const etcd = connect([first, second]);
      const seen = watch(etcd, "key");
      await eventually(() => seen.created.length === 1);

      await etcd.leaseKeepAlive(1n, { timeoutMs: 20 }).catch(() => {});
      await eventually(() => seen.created.length === 2);
      expect(second.streams).toHaveLength(1);
      await eventually(() => first.server.sessions.size === 0);
    });

    it("tries until a server is there", async () => {
      const { server, ...to } = await serve();
      const { endpoint } = to;
      const seen = watch(connect([to]), "key");
      await eventually(() => seen.created.length === 1);
      await server.stop();
      cleanups.splice(0, 1);
      await new Promise((resolve) => setTimeout(resolve, 150));

      const streams: FakeWatchStream[] = [];
      const port = Number(endpoint.split(":")[1]);
      const again = await FakeGrpcServer.start(
        { "Watch/Watch": (call) => streams.push(new FakeWatchStream(call, welcome)) },
        port,
      );
      cleanups.push(() => again.stop());
      await eventually(() => seen.created.length === 2);
      expect(seen.ends).toEqual([]);
    });
  });

  describe("when the stream goes deaf", () => {
    it("takes another connection when a watch is not answered", async () => {
      let creates = 0;
      const { server, ...to } = await serve((stream, seen) => {
        if (seen.command === "create" && ++creates > 1) welcome(stream, seen);
        if (seen.command === "progress") stream.progress(1n);
      });
      const seen = watch(connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 }), "key");
      await eventually(() => seen.created.length === 1);
      expect(server.connections).toBe(2);
    });

    it("asks for a sign of life, and stays when there is one", async () => {
      const { server, streams, ...to } = await serve((stream, seen) => {
        welcome(stream, seen);
        if (seen.command === "progress") stream.progress(1n);
      });
      const seen = watch(connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 }), "key");
      await eventually(() => (streams[0]?.all("progress").length ?? 0) > 2);
      expect(server.connections).toBe(1);
      expect(seen.created).toEqual([10n]);
    });

    it("stays without one while a watch waits for a revision to come", async () => {
      const { server, streams, ...to } = await serve();
      const etcd = connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 });
      const seen = watch(etcd, "key", { startRevision: 50n });
      await eventually(() => (streams[0]?.all("progress").length ?? 0) > 2);
      expect(server.connections).toBe(1);

      streams[0]?.events(1n, "key", 50n);
      await eventually(() => seen.created.length > 1);
      expect(server.connections).toBe(2);
    });

    it("takes another connection when there is none", async () => {
      const { server, ...to } = await serve();
      const seen = watch(connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 }), "key");
      await eventually(() => seen.created.length > 1);
      expect(server.connections).toBeGreaterThan(1);
    });
  });

  describe("when etcd ends a watch", () => {
    it("says that the revision is compacted, and leaves the others alone", async () => {
      const { streams, ...to } = await serve();
      const etcd = connect([to]);
      const [one, other] = [watch(etcd, "one", { startRevision: 1n }), watch(etcd, "other")];
      await eventually(() => other.created.length === 1);

      streams[0]?.canceled(1n, { compactRevision: 7n });
      await eventually(() => one.ends.length === 1);
      expect(one.ends[0]).toBeInstanceOf(CompactedError);
      expect(one.ends[0]).toMatchObject({ compactRevision: 7n });
      streams[0]?.events(2n, "other", 11n);
      await eventually(() => other.events.length === 1);
      expect(streams).toHaveLength(1);
    });

    it("says that it is denied, to the one whose turn it is to be answered", async () => {
      const { streams, ...to } = await serve((stream, seen) => {
        if (seen.key === "secret") stream.refused("etcdserver: permission denied");
        else welcome(stream, seen);
      });
      const etcd = connect([to]);
      const all = ["a", "secret", "b"].map((key) => watch(etcd, key));
      await eventually(() => all[2]?.created.length === 1);

      expect(all.map(({ ends }) => ends.length)).toEqual([0, 1, 0]);
      expect(all[1]?.ends[0]).toBeInstanceOf(StoreDeniedError);
      streams[0]?.events(3n, "b", 11n);
      await eventually(() => all[2]?.events.length === 1);
    });

    it("signs in anew when the token is no longer good, and stands again", async () => {
      const { streams, ...to } = await serve(
        (stream, seen) => {
          if (stream.call.headers["token"] === "new") welcome(stream, seen);
          else stream.refused("etcdserver: invalid auth token");
        },
        ["old", "new"],
      );
      const auth = { username: "a", password: "b" };
      const seen = watch(connect([to], { auth }), "key");
      await eventually(() => seen.created.length === 1);
      expect(seen.ends).toEqual([]);
      expect(streams).toHaveLength(2);
    });

    it("ends what stays denied with a fresh token", async () => {
      const { ...to } = await serve((stream) => stream.refused("etcdserver: permission denied"));
      const auth = { username: "a", password: "b" };
      const seen = watch(connect([to], { auth }), "key");
      await eventually(() => seen.ends.length === 1);
      expect(seen.ends[0]).toMatchObject({ code: "STORE_DENIED", status: "PERMISSION_DENIED" });
    });

    it("goes on from where it was when no reason is given", async () => {
      const { streams, ...to } = await serve();
      const seen = watch(connect([to]), "key");
      await eventually(() => seen.created.length === 1);
      streams[0]?.canceled(1n, {});
      await eventually(() => seen.created.length === 2);
      expect(streams[1]?.all("create")).toMatchObject([{ startRevision: 11n }]);
    });

    it("ends all watches where etcd knows of none", async () => {
      const { ...to } = await serve((stream) => stream.call.end(12, "unknown service"));
      const seen = watch(connect([to]), "key");
      await eventually(() => seen.ends.length === 1);
      expect(seen.ends[0]).toMatchObject({ code: "STORE_UNSUPPORTED" });
    });
  });

  it("ends a watch from a revision that no etcd can have, and no other", async () => {
    const { ...to } = await serve();
    const etcd = connect([to]);
    const bad = watch(etcd, "bad", { startRevision: 2n ** 64n });
    const good = watch(etcd, "good");
    expect(bad.ends).toEqual([]);
    await eventually(() => bad.ends.length === 1 && good.created.length === 1);
    expect(bad.ends[0]).toBeInstanceOf(RangeError);
  });

  describe("close", () => {
    it("cancels the watch, and says nothing afterwards", async () => {
      const { streams, ...to } = await serve();
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
      const { streams, ...to } = await serve((stream, seen) => {
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
      const { server, streams, ...to } = await serve();
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
      const { streams, ...to } = await serve((stream, { command }) => {
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
    const { server, ...to } = await serve();
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
