import { getEventListeners, once } from "node:events";
import { constants } from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { ClosedError, StoreError, StoreUnavailableError } from "../../src/errors.ts";
import { GrpcEtcd, type GrpcEtcdOptions } from "../../src/etcd/grpc/grpc-etcd.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeCall, FakeGrpcServer, type FakeMethods } from "../support/fake-grpc-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(methods: FakeMethods, port?: number): Promise<FakeGrpcServer> {
  const server = await FakeGrpcServer.start(methods, port);
  cleanups.push(() => server.stop());
  return server;
}

function connect(
  servers: readonly (FakeGrpcServer | string)[],
  options: Partial<GrpcEtcdOptions> = {},
): GrpcEtcd {
  const endpoints = servers.map((one) => (typeof one === "string" ? one : one.endpoint));
  const etcd = new GrpcEtcd({ endpoints, ...options });
  cleanups.push(() => etcd.close());
  return etcd;
}

/** An endpoint where nobody listens. */
async function deadEndpoint(): Promise<string> {
  const server = await serve({});
  await server.stop();
  cleanups.pop();
  return server.endpoint;
}

const grant = (call: FakeCall): void => call.reply((writer) => writer.int64(2, 5n));
const hang = (): void => {};

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

  describe("when a call goes wrong", () => {
    it.each<[string, FakeMethods[string], object]>([
      [
        "a status without anything else",
        (call) => call.end(5, "etcdserver: requested lease not found"),
        {
          code: "STORE_ERROR",
          status: "NOT_FOUND",
          message: "etcdserver: requested lease not found",
        },
      ],
      [
        "a status after a message",
        (call) => {
          call.send((writer) => writer.int64(2, 5n));
          call.end(8, "etcdserver: mvcc: database space exceeded");
        },
        { code: "STORE_FULL", status: "RESOURCE_EXHAUSTED" },
      ],
      [
        "an encoded text",
        (call) => call.end(3, "key%3A %C3%A4"),
        { status: "INVALID_ARGUMENT", message: "key: ä" },
      ],
      [
        "trailers without a status",
        (call) => {
          call.send((writer) => writer.int64(2, 5n));
          call.endWith({ "x-some": "thing" });
        },
        { code: "STORE_UNAVAILABLE", message: expect.stringContaining("without a status") },
      ],
      [
        "no message at all",
        (call) => {
          call.sendRaw(Buffer.alloc(0));
          call.end();
        },
        { code: "STORE_UNAVAILABLE", message: expect.stringContaining("is empty") },
      ],
      [
        "half a message",
        (call) => {
          call.sendRaw(Buffer.from("000000000810", "hex"));
          call.end();
        },
        { code: "STORE_UNAVAILABLE", message: expect.stringContaining("middle of a message") },
      ],
      [
        "a message that is none",
        (call) => {
          call.sendRaw(Buffer.from("00000000020aff", "hex"));
          call.end();
        },
        { code: "STORE_UNAVAILABLE", message: expect.stringContaining("makes no sense") },
      ],
      [
        "a compressed message",
        (call) => {
          call.sendRaw(Buffer.from("0100000000", "hex"));
          call.end();
        },
        { code: "STORE_UNAVAILABLE", message: expect.stringContaining("compressed") },
      ],
      [
        "a reset",
        (call) => call.reset(constants.NGHTTP2_INTERNAL_ERROR),
        {
          code: "STORE_UNAVAILABLE",
          message: expect.stringContaining("may have been carried out"),
        },
      ],
      [
        "another server's words",
        (call) => {
          call.stream.respond({ ":status": 200, "content-type": "text/html" });
          call.stream.end("<html>");
        },
        { code: "STORE_UNSUPPORTED", message: expect.stringContaining("text/html") },
      ],
      [
        "a proxy without a server",
        (call) => {
          call.stream.respond({ ":status": 503 });
          call.stream.end();
        },
        { code: "STORE_UNAVAILABLE", message: expect.stringContaining("503") },
      ],
      ["an unknown method", (call) => call.end(12, "unknown"), { code: "STORE_UNSUPPORTED" }],
    ])("says so of %s, and does not ask again", async (_what, answer, expected) => {
      const server = await serve({ "Lease/LeaseGrant": answer });
      const etcd = connect([server]);

      const error = await etcd.leaseGrant({ ttl: 1n }).catch((reason) => reason);

      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject(expected);
      expect(server.calls).toHaveLength(1);
    });

    it("says that it may have been carried out when the connection breaks", async () => {
      const server = await serve({ "Lease/LeaseGrant": () => server.cut() });
      const etcd = connect([server]);

      await expect(etcd.leaseGrant({ ttl: 1n })).rejects.toThrow(
        `Lease/LeaseGrant at ${server.endpoint} may have been carried out`,
      );
      expect(server.calls).toHaveLength(1);
    });
  });

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

  describe("when a call takes too long", () => {
    it("says which, where, and that it may have been carried out", async () => {
      const server = await serve({ "KV/Txn": hang });
      const etcd = connect([server]);

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
    // A clock whose delays are a hundred times shorter.
    const clock: Clock = {
      now: () => performance.now() * 100,
      wallTime: () => Date.now(),
      setTimer(delayMs, wake) {
        const timer = setTimeout(wake, delayMs / 100);
        return () => clearTimeout(timer);
      },
    };
    const slow = { clock, connectTimeoutMs: 100_000, callTimeoutMs: 1_000_000 };

    it("finds out by a ping, and says that a call under way may have been carried out", async () => {
      const server = await serve({ "KV/Txn": () => proxy.hold() });
      const proxy = await TcpProxy.start(server.endpoint);
      cleanups.push(() => proxy.stop());
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

  describe("when etcd has users", () => {
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

/** A server that does as told with each connection. */
async function listen(onSocket: Parameters<typeof createServer>[1] & object): Promise<string> {
  const sockets = new Set<import("node:net").Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
