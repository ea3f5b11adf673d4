import { describe, expect, it } from "vitest";
import { CompactedError, StoreDeniedError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import { connect } from "../support/grpc-bench.ts";
import { serveWatches, watch, welcome } from "../support/watch-bench.ts";

describe("GrpcEtcd.watch, when etcd ends a watch", () => {
  it("says that the revision is compacted, and leaves the others alone", async () => {
    const { streams, ...to } = await serveWatches();
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
    const { streams, ...to } = await serveWatches((stream, seen) => {
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
    const { streams, ...to } = await serveWatches(
      (stream, seen) => {
        if (stream.call.headers["token"] === "new") welcome(stream, seen);
        else stream.refused("etcdserver: invalid auth token");
      },
      { tokens: ["old", "new"] },
    );
    const auth = { username: "a", password: "b" };
    const seen = watch(connect([to], { auth }), "key");
    await eventually(() => seen.created.length === 1);
    expect(seen.ends).toEqual([]);
    expect(streams).toHaveLength(2);
  });

  it("ends what stays denied with a fresh token", async () => {
    const to = await serveWatches((stream) => stream.refused("etcdserver: permission denied"));
    const auth = { username: "a", password: "b" };
    const seen = watch(connect([to], { auth }), "key");
    await eventually(() => seen.ends.length === 1);
    expect(seen.ends[0]).toMatchObject({ code: "STORE_DENIED", status: "PERMISSION_DENIED" });
  });

  it("goes on from where it was when no reason is given", async () => {
    const { streams, ...to } = await serveWatches();
    const seen = watch(connect([to]), "key");
    await eventually(() => seen.created.length === 1);
    streams[0]?.canceled(1n, {});
    await eventually(() => seen.created.length === 2);
    expect(streams[1]?.all("create")).toMatchObject([{ startRevision: 11n }]);
  });

  it("ends all watches where etcd knows of none", async () => {
    const to = await serveWatches((stream) => stream.call.end(12, "unknown service"));
    const seen = watch(connect([to]), "key");
    await eventually(() => seen.ends.length === 1);
    expect(seen.ends[0]).toMatchObject({ code: "STORE_UNSUPPORTED" });
  });
});
