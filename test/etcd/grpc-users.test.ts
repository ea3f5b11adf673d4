import { describe, expect, it } from "vitest";
import type { FakeCall } from "../support/fake-grpc-server.ts";
import { connect, grant, serve } from "../support/grpc-bench.ts";

describe("GrpcEtcd, when etcd has users", () => {
  const auth = { username: "root", password: "secret" };
  const signsIn =
    (tokens: string[]) =>
    (call: FakeCall): void => {
      const token = tokens.shift();
      if (token === undefined)
        call.end(3, "etcdserver: authentication failed, invalid user ID or password");
      else call.reply((writer) => writer.string(2, token));
    };

  it("signs in once for all who wait, and shows the token", async () => {
    const server = await serve({
      "Auth/Authenticate": signsIn(["first"]),
      "Lease/LeaseGrant": grant,
    });
    const etcd = connect([server], { auth });
    await Promise.all([etcd.leaseGrant({ ttl: 1n }), etcd.leaseGrant({ ttl: 1n })]);
    expect(server.calls.map(({ method, headers }) => [method, headers["token"]])).toEqual([
      ["Auth/Authenticate", undefined],
      ["Lease/LeaseGrant", "first"],
      ["Lease/LeaseGrant", "first"],
    ]);
  });

  it.each([
    [16, "etcdserver: invalid auth token"],
    [3, "etcdserver: revision of auth store is old"],
    [3, "etcdserver: user name is empty"],
  ])("signs in anew, and asks again once, after %i %s", async (code, message) => {
    const server = await serve({
      "Auth/Authenticate": signsIn(["old", "new"]),
      "Lease/LeaseGrant": (call) =>
        call.headers["token"] === "new" ? grant(call) : call.end(code, message),
    });
    const etcd = connect([server], { auth });
    await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
    expect(server.calls).toHaveLength(4);
  });

  it("does not ask a third time", async () => {
    const server = await serve({
      "Auth/Authenticate": signsIn(["a", "b", "c"]),
      "Lease/LeaseGrant": (call) => call.end(16, "etcdserver: invalid auth token"),
    });
    const etcd = connect([server], { auth });
    await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toMatchObject({ code: "STORE_DENIED" });
    expect(server.calls).toHaveLength(4);
  });

  it("rejects at once when the password is wrong", async () => {
    const server = await serve({ "Auth/Authenticate": signsIn([]) });
    const etcd = connect([server], { auth });
    await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toMatchObject({
      code: "STORE_DENIED",
      message: expect.stringMatching(
        /^etcdserver: authentication failed, .+ \(user ".+": are auth.username and auth.password right\?\)$/,
      ),
    });
    expect(server.calls).toHaveLength(1);
  });

  it("goes without a token when etcd asks nobody for one", async () => {
    const server = await serve({
      "Auth/Authenticate": (call) => call.end(9, "etcdserver: authentication is not enabled"),
      "Lease/LeaseGrant": grant,
    });
    const etcd = connect([server], { auth });
    await etcd.leaseGrant({ ttl: 1n });
    await etcd.leaseGrant({ ttl: 1n });
    expect(server.calls.map(({ method }) => method)).toEqual([
      "Auth/Authenticate",
      "Lease/LeaseGrant",
      "Lease/LeaseGrant",
    ]);
  });
});
