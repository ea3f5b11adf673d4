import { constants } from "node:http2";
import { createConnection } from "node:net";
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeCall } from "../support/fake-grpc-server.ts";
import { connect, deadEndpoint, grant, listen, serve } from "../support/grpc-bench.ts";

describe("GrpcEtcd", () => {
  describe("when the server did not look at the request", () => {
    it("asks the next endpoint, after a refused stream", async () => {
      const refusing = await serve({ "Lease/LeaseGrant": (call) => call.reset() });
      const granting = await serve({ "Lease/LeaseGrant": grant });
      const etcd = connect([refusing, granting]);

      await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
      expect(refusing.calls).toHaveLength(1);
    });

    it.each([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_ENHANCE_YOUR_CALM])(
      "asks the next endpoint, after a GOAWAY with code %i that leaves it out",
      async (code) => {
        const leaving = await serve({
          "Lease/LeaseRevoke": (call) => call.reply(() => {}),
          "Lease/LeaseGrant": (call) => call.stream.session?.goaway(code, 1),
        });
        const granting = await serve({ "Lease/LeaseGrant": grant });
        const etcd = connect([leaving, granting]);
        await etcd.leaseRevoke(1n);

        await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
        expect(leaving.calls).toHaveLength(2);
      },
    );

    it("lets the calls that a GOAWAY leaves in go on, and begins new ones elsewhere", async () => {
      const held: FakeCall[] = [];
      const leaving = await serve({ "Lease/LeaseGrant": (call) => held.push(call) });
      const granting = await serve({ "Lease/LeaseGrant": grant });
      const etcd = connect([leaving, granting]);
      const first = etcd.leaseGrant({ ttl: 1n });
      await eventually(() => held.length === 1);

      held[0]?.stream.session?.goaway(constants.NGHTTP2_NO_ERROR, held[0].stream.id);
      await eventually(() => granting.connections > 0 || leaving.calls.length > 1, {
        withinMs: 50,
      }).catch(() => {});
      await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
      expect(granting.calls).toHaveLength(1);

      held[0]?.reply((writer) => writer.int64(2, 7n));
      await expect(first).resolves.toMatchObject({ id: 7n });
    });

    it("gives up when every endpoint refuses, and says that it was not sent", async () => {
      const refusing = await serve({ "Lease/LeaseGrant": (call) => call.reset() });
      const etcd = connect([refusing]);

      await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toThrow("was not sent");
      expect(refusing.calls.length).toBeLessThanOrEqual(2);
    });
  });

  describe("when nobody answers", () => {
    it("goes to the next endpoint when a connection is refused", async () => {
      const granting = await serve({ "Lease/LeaseGrant": grant });
      const etcd = connect([await deadEndpoint(), granting]);

      await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
    });

    it("rejects at once, naming every endpoint, when all refuse", async () => {
      const [one, other] = [await deadEndpoint(), await deadEndpoint()];
      const etcd = connect([one, other]);
      const startedAt = performance.now();

      const error = await etcd.leaseGrant({ ttl: 1n }).catch((reason) => reason);

      expect(performance.now() - startedAt).toBeLessThan(500);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error.message).toBe(
        `No etcd answers at ${one} (connection refused), ${other} (connection refused). Are they running, and are the addresses right?`,
      );
    });

    it("says so of a host name that does not exist", async () => {
      const etcd = connect(["no-such-host.invalid:2379"]);
      await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toThrow(
        /^No etcd answers at no-such-host.invalid:2379 \(.*host name.*\)/,
      );
    });

    it("leaves an endpoint that accepts connections and keeps silent", async () => {
      const silent = await listen(() => {});
      const granting = await serve({ "Lease/LeaseGrant": grant });
      const etcd = connect([silent, granting], { connectTimeoutMs: 50 });

      await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
    });

    it("dials a silent endpoint once more, as what was sent while the way was cut is lost", async () => {
      const granting = await serve({ "Lease/LeaseGrant": grant });
      let dialled = 0;
      const healing = await listen((socket) => {
        dialled += 1;
        if (dialled === 1) return;
        const through = createConnection(Number(granting.endpoint.split(":")[1]), "127.0.0.1");
        through.on("error", () => {});
        socket.pipe(through).pipe(socket);
      });
      const etcd = connect([healing], { connectTimeoutMs: 60_000 });

      await expect(etcd.leaseGrant({ ttl: 1n })).resolves.toMatchObject({ id: 5n });
      expect(dialled).toBe(2);
    });

    it("dials none a third time before the first attempts are over", async () => {
      let dialled = 0;
      const silent = await listen(() => {
        dialled += 1;
      });
      const etcd = connect([silent], { connectTimeoutMs: 1_300 });

      await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toThrow("No etcd answers");
      expect(dialled).toBe(2);
    });

    it("rejects when the time of the call is over before there is a connection", async () => {
      const silent = await listen(() => {});
      const etcd = connect([silent], { connectTimeoutMs: 60_000 });

      await expect(etcd.leaseGrant({ ttl: 1n }, { timeoutMs: 30 })).rejects.toMatchObject({
        status: "DEADLINE_EXCEEDED",
        message: expect.stringMatching(
          /^No connection to 127\.0\.0\.1:\d+ within 30 ms, so Lease\/LeaseGrant was not sent$/,
        ),
      });
    });

    it("tells a server of HTTP/1 from etcd", async () => {
      const http1 = await listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
      await expect(connect([http1]).leaseGrant({ ttl: 1n })).rejects.toMatchObject({
        code: "STORE_UNSUPPORTED",
        message: `No etcd at ${http1} (it does not speak HTTP/2)`,
      });
    });
  });
});
