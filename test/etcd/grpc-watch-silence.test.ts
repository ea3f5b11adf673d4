import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { connect } from "../support/grpc-bench.ts";
import { hastyClock } from "../support/hasty-clock.ts";
import { serveWatches, watch, welcome } from "../support/watch-bench.ts";

describe("GrpcEtcd.watch, when the stream goes deaf", () => {
  it("takes another connection when a watch is not answered", async () => {
    let creates = 0;
    const { server, ...to } = await serveWatches((stream, seen) => {
      if (seen.command === "create" && ++creates > 1) welcome(stream, seen);
      if (seen.command === "progress") stream.progress(1n);
    });
    const seen = watch(connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 }), "key");
    await eventually(() => seen.created.length === 1);
    expect(server.connections).toBeGreaterThan(1);
  });

  it("takes another connection when only the second of two watches is not answered", async () => {
    let creates = 0;
    const { server, ...to } = await serveWatches((stream, seen) => {
      if (seen.command === "create" && ++creates !== 2) welcome(stream, seen);
      if (seen.command === "progress") stream.progress(1n);
    });
    const etcd = connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 });
    const [one, other] = [watch(etcd, "one"), watch(etcd, "other")];
    await eventually(() => one.created.length === 2 && other.created.length === 1);
    expect(server.connections).toBeGreaterThan(1);
  });

  it("asks for a sign of life, and stays when there is one", async () => {
    const { server, streams, ...to } = await serveWatches((stream, seen) => {
      welcome(stream, seen);
      if (seen.command === "progress") stream.progress(1n);
    });
    const seen = watch(connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 }), "key");
    await eventually(() => (streams[0]?.all("progress").length ?? 0) > 2);
    expect(server.connections).toBe(1);
    expect(seen.created).toEqual([10n]);
  });

  it("stays without one while a watch waits for a revision to come", async () => {
    const { server, streams, ...to } = await serveWatches();
    const etcd = connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 });
    const seen = watch(etcd, "key", { startRevision: 50n });
    await eventually(() => (streams[0]?.all("progress").length ?? 0) > 2);
    expect(server.connections).toBe(1);

    streams[0]?.events(1n, "key", 50n);
    await eventually(() => seen.created.length > 1);
    expect(server.connections).toBe(2);
  });

  it("takes another connection when there is none", async () => {
    const { server, ...to } = await serveWatches();
    const seen = watch(connect([to], { clock: hastyClock, connectTimeoutMs: 100_000 }), "key");
    await eventually(() => seen.created.length > 1);
    expect(server.connections).toBeGreaterThan(1);
  });
});
