import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { connect } from "../support/grpc-bench.ts";
import { serveWatches, watch, welcome } from "../support/watch-bench.ts";

describe("GrpcEtcd.watch, when the stream is lost", () => {
  it("goes on behind the last event, or behind its creation, and says that it stands again", async () => {
    const { server, streams, ...to } = await serveWatches();
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
    const first = await serveWatches((stream) => stream.call.end(code, message));
    const second = await serveWatches();
    const seen = watch(connect([first, second]), "key");
    await eventually(() => seen.created.length === 1);
    expect(second.streams).toHaveLength(1);
    expect(seen.ends).toEqual([]);
  });

  it("takes its time with a server that lets watches stand only to drop them", async () => {
    const { streams, ...to } = await serveWatches((stream, seen) => {
      welcome(stream, seen);
      stream.call.end(14, "etcdserver: no leader");
    });
    const seen = watch(connect([to]), "key");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(streams.length).toBeLessThan(7);
    expect(seen.ends).toEqual([]);
  });

  it("moves at a GOAWAY, though the stream could go on", async () => {
    const first = await serveWatches();
    const second = await serveWatches();
    const seen = watch(connect([first, second]), "key");
    await eventually(() => seen.created.length === 1);

    first.streams[0]?.call.stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
    await eventually(() => second.streams.length === 1 && seen.created.length === 2);
    expect(second.streams[0]?.all("create")).toMatchObject([{ startRevision: 11n }]);
  });

  it("moves with the keepalives, when one of them is not answered in time", async () => {
    const first = await serveWatches();
    const second = await serveWatches();
    const etcd = connect([first, second]);
    const seen = watch(etcd, "key");
    await eventually(() => seen.created.length === 1);

    await etcd.leaseKeepAlive(1n, { timeoutMs: 20 }).catch(() => {});
    await eventually(() => seen.created.length === 2);
    expect(second.streams).toHaveLength(1);
    await eventually(() => first.server.sessions.size === 0);
  });

  it("tries until a server is there", async () => {
    const { server, endpoint } = await serveWatches();
    const seen = watch(connect([endpoint]), "key");
    await eventually(() => seen.created.length === 1);
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 150));

    await serveWatches(welcome, { port: Number(endpoint.split(":")[1]) });
    await eventually(() => seen.created.length === 2);
    expect(seen.ends).toEqual([]);
  });
});
