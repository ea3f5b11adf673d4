import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { FakeCall } from "../support/fake-grpc-server.ts";
import { connect, hang, serve } from "../support/grpc-bench.ts";
import { hastyClock } from "../support/hasty-clock.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

describe("GrpcEtcd", () => {
  describe("when a call takes too long", () => {
    it("says which, where, and that it may have been carried out", async () => {
      const server = await serve({ "KV/Txn": hang, "KV/Compact": (call) => call.reply(() => {}) });
      const etcd = connect([server]);
      // The time of the call is not to go by for the connection.
      await etcd.compact(1n);

      await expect(etcd.txn({}, { timeoutMs: 20 })).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        status: "DEADLINE_EXCEEDED",
        message: `No answer from ${server.endpoint} to KV/Txn within 20 ms; it may have been carried out`,
      });
    });

    it("retires the connection: others under way go on, new ones go elsewhere", async () => {
      const held: FakeCall[] = [];
      const slow = await serve({ "KV/Txn": hang, "Lease/LeaseGrant": (call) => held.push(call) });
      const quick = await serve({ "KV/Txn": (call) => call.reply(() => {}) });
      const etcd = connect([slow, quick]);
      const other = etcd.leaseGrant({ ttl: 1n });
      await eventually(() => held.length === 1);

      await expect(etcd.txn({}, { timeoutMs: 20 })).rejects.toThrow("within 20 ms");
      await etcd.txn({});
      expect(quick.calls).toHaveLength(1);

      held[0]?.reply((writer) => writer.int64(2, 7n));
      await expect(other).resolves.toMatchObject({ id: 7n });
      await eventually(() => slow.sessions.size === 0);
    });

    it("uses a fresh connection even to the only endpoint", async () => {
      let answers = false;
      const server = await serve({
        "KV/Txn": (call) => (answers ? call.reply(() => {}) : undefined),
      });
      const etcd = connect([server]);
      await expect(etcd.txn({}, { timeoutMs: 20 })).rejects.toThrow("within 20 ms");
      answers = true;

      await etcd.txn({});
      expect(server.connections).toBe(2);
    });
  });

  describe("when the connection is dead", () => {
    const slow = { clock: hastyClock, connectTimeoutMs: 100_000, callTimeoutMs: 1_000_000 };

    it("finds out by a ping, and says that a call under way may have been carried out", async () => {
      const server = await serve({ "KV/Txn": () => proxy.hold() });
      const proxy = await TcpProxy.start(server.endpoint);
      onTestFinished(() => proxy.stop());
      const etcd = connect([proxy.endpoint], slow);
      await expect(etcd.txn({})).rejects.toThrow(
        `a ping was not answered: KV/Txn at ${proxy.endpoint} may have been carried out`,
      );
    });

    it("lets a call take its time as long as pings are answered", async () => {
      const server = await serve({
        "KV/Txn": (call) => setTimeout(() => call.reply(() => {}), 400),
      });
      let pings = 0;
      const etcd = connect([server], slow);
      const call = etcd.txn({});
      await eventually(() => server.sessions.size === 1);
      for (const session of server.sessions) session.on("ping", () => pings++);
      await call;
      expect(pings).toBeGreaterThan(1);
      expect(server.connections).toBe(1);
    });
  });
});
