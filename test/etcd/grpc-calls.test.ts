import { getEventListeners, once } from "node:events";
import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { ClosedError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeCall } from "../support/fake-grpc-server.ts";
import { connect, grant, hang, listen, serve } from "../support/grpc-bench.ts";

describe("GrpcEtcd", () => {
  it("sends what etcd wants to see with every call", async () => {
    const server = await serve({ "Lease/LeaseGrant": grant });
    const etcd = connect([server]);

    await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });

    expect(server.calls[0]?.headers).toMatchObject({
      ":path": "/etcdserverpb.Lease/LeaseGrant",
      ":authority": server.endpoint,
      "content-type": "application/grpc",
      te: "trailers",
      hasleader: "true",
      "user-agent": "microlock",
    });
  });

  it("connects when first asked, and keeps keepalives off the connection of the transactions", async () => {
    const keepAlive = (call: FakeCall): void => call.reply((writer) => writer.int64(3, 9n));
    const server = await serve({ "Lease/LeaseGrant": grant, "Lease/LeaseKeepAlive": keepAlive });
    const etcd = connect([server]);
    expect(server.connections).toBe(0);

    await Promise.all([etcd.leaseGrant({ ttl: 1n }), etcd.leaseGrant({ ttl: 1n })]);
    expect(server.connections).toBe(1);

    await expect(etcd.leaseKeepAlive(5n)).resolves.toMatchObject({ ttl: 9n });
    await etcd.leaseKeepAlive(5n);
    expect(server.connections).toBe(2);
  });

  describe("when a call is aborted", () => {
    it("rejects with the reason, tells the server, and keeps the connection", async () => {
      const server = await serve({ "KV/Txn": hang, "Lease/LeaseGrant": grant });
      const etcd = connect([server]);
      const controller = new AbortController();
      const call = etcd.txn({}, { signal: controller.signal });
      await eventually(() => server.calls.length === 1);
      const reset = once(server.calls[0]?.stream as FakeCall["stream"], "close");

      const reason = new Error("enough");
      controller.abort(reason);
      await expect(call).rejects.toBe(reason);
      await reset;
      expect(server.calls[0]?.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);

      await etcd.leaseGrant({ ttl: 1n });
      expect(server.connections).toBe(1);
    });

    it("does not send at all when the signal has aborted before", async () => {
      const server = await serve({ "KV/Txn": hang });
      const reason = new Error("enough");
      const call = connect([server]).txn({}, { signal: AbortSignal.abort(reason) });
      await expect(call).rejects.toBe(reason);
      expect(server.connections).toBe(0);
    });

    it("leaves no listener on the signal, however the call ends", async () => {
      const server = await serve({ "Lease/LeaseGrant": grant, "KV/Txn": (call) => call.end(3) });
      const etcd = connect([server]);
      const { signal } = new AbortController();

      await etcd.leaseGrant({ ttl: 1n }, { signal });
      await etcd.txn({}, { signal }).catch(() => {});
      await etcd.leaseKeepAlive(1n, { signal, timeoutMs: 1 }).catch(() => {});
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    });
  });

  describe("close", () => {
    it("ends calls under way, and refuses later ones", async () => {
      const server = await serve({ "KV/Txn": hang });
      const etcd = connect([server]);
      const call = etcd.txn({});
      call.catch(() => {});
      await eventually(() => server.calls.length === 1);

      await Promise.all([etcd.close(), etcd.close()]);
      await expect(call).rejects.toBeInstanceOf(ClosedError);
      await expect(etcd.txn({})).rejects.toThrow("The store is closed");
      await eventually(() => server.sessions.size === 0);
    });

    it("does not wait for a connection that does not come about", async () => {
      const silent = await listen(() => {});
      const etcd = connect([silent], { connectTimeoutMs: 60_000 });
      const call = etcd.txn({});
      call.catch(() => {});
      await etcd.close();
      await expect(call).rejects.toBeInstanceOf(ClosedError);
    });
  });
});
