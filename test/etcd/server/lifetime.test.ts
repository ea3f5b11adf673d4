import { once } from "node:events";
import { constants } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../../src/core/keys.ts";
import { InvalidOptionError } from "../../../src/errors.ts";
import { GrpcEtcd } from "../../../src/etcd/grpc/grpc-etcd.ts";
import {
  type EtcdServer,
  type ServerOptions,
  startServer,
} from "../../../src/etcd/server/start-server.ts";
import { decodeWatchAnswer, type WatchAnswer } from "../../../src/etcd/wire/watch-messages.ts";
import { eventually } from "../../support/eventually.ts";
import { answerOf, fieldsOf, framed, RawGrpc, RawStream } from "../../support/raw-grpc.ts";

const nothing = { watches: 0, connections: 0, calls: 0 };

describe("The server's lifetime", () => {
  let server: EtcdServer;
  const start = async (options: ServerOptions = {}): Promise<EtcdServer> => {
    server = await startServer({ port: 0, keepsProcessAlive: false, ...options });
    return server;
  };

  beforeEach(() => start());
  afterEach(() => server.close());

  /** A client with open streams: a watch, a keepalive, and a call that never ends. */
  async function busyClient(): Promise<{ client: RawGrpc; watch: RawStream<WatchAnswer> }> {
    const client = await RawGrpc.connect(server.address);
    const watch = new RawStream(client.open("Watch/Watch"), decodeWatchAnswer);
    for (let n = 0; n < 10; n++) watch.say({ 1: { 1: `key${n}` } });
    client.open("Lease/LeaseKeepAlive").write(framed(fieldsOf({ 1: 5n })));
    client.open("KV/Put").write(framed(Buffer.from("cut"), 0, 100));
    await eventually(() => watch.answers.length === 10);
    return { client, watch };
  }

  it("begins where it is told to, or on a free port, and says where", async () => {
    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    expect(server.url).toBe(`http://${server.address}`);
    const other = await startServer({ port: 0, host: "::1", keepsProcessAlive: false });
    expect(other.address).toBe(`[::1]:${other.port}`);
    await other.close();
  });

  it.each<[string, () => ServerOptions, RegExp]>([
    ["a port in use", () => ({ port: server.port }), /port must be one that nobody listens on/],
    [
      "an address of others",
      () => ({ host: "192.0.2.1" }),
      /host must be an address of this machine/,
    ],
    ["no address", () => ({ host: "" }), /host must be an address/],
    ["no port", () => ({ port: 65_536 }), /port must be an integer from 0 to 65535, but is 65536/],
    ["no history", () => ({ historyLimit: 0 }), /historyLimit must be/],
  ])("does not begin with %s, and says what to do", async (_what, options, message) => {
    const refused = startServer({ port: 0, ...options() });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(InvalidOptionError);
  });

  it("ends all calls with a status, all connections, and leaves nothing", async () => {
    const { client, watch } = await busyClient();
    const unread = client.open("Watch/Watch");
    const ended = answerOf(unread);
    const silent = connect(server.port, "127.0.0.1");
    silent.resume();
    await eventually(() => server.counts().calls === 4 && server.counts().connections === 2);

    const startedAt = performance.now();
    await server.close();

    expect(performance.now() - startedAt).toBeLessThan(3_000);
    const stopped = { code: 14, message: "etcdserver: server stopped" };
    expect(await watch.ended).toMatchObject(stopped);
    expect(await ended).toMatchObject(stopped);
    await eventually(() => silent.destroyed);
    expect(server.counts()).toMatchObject({ ...nothing, timers: 0 });
    await server.close();
    await client.close();
  });

  it("does not wait for clients that do not listen", async () => {
    const { client } = await busyClient();
    const sockets = Array.from({ length: 20 }, () => connect(server.port, "127.0.0.1"));
    for (const socket of sockets) {
      socket.on("error", () => {});
      socket.pause();
      socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    }
    await eventually(() => server.counts().connections === 21);

    const startedAt = performance.now();
    await server.close();

    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(server.counts()).toMatchObject(nothing);
    for (const socket of sockets) socket.destroy();
    await client.close();
  });

  it("can begin anew on the same port at once", async () => {
    const { port } = server;
    const { client } = await busyClient();
    await server.close();
    await start({ port });
    expect(server.counts()).toMatchObject({ keys: 0, leases: 0, ...nothing });
    await client.close();
  });

  it("keeps nothing of clients that vanish", { timeout: 20_000 }, async () => {
    const clients = await Promise.all(Array.from({ length: 30 }, () => busyClient()));
    expect(server.counts()).toMatchObject({ watches: 300, connections: 30, calls: 90 });
    for (const { client } of clients) client.session.destroy();
    await eventually(() => server.counts().connections === 0);
    expect(server.counts()).toMatchObject(nothing);
  });

  it("keeps nothing of streams that are given up", { timeout: 20_000 }, async () => {
    const client = await RawGrpc.connect(server.address);
    for (let round = 0; round < 5; round++) {
      const streams = Array.from({ length: 100 }, () => client.open("Watch/Watch"));
      for (const stream of streams) stream.write(framed(fieldsOf({ 1: { 1: "a" } })));
      await eventually(() => server.counts().watches === 100);
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      await eventually(() => server.counts().calls === 0);
      expect(server.counts()).toMatchObject({ watches: 0, calls: 0 });
    }
    await client.close();
  });

  it("has room for thousands of streams on one connection", { timeout: 20_000 }, async () => {
    const client = await RawGrpc.connect(server.address);
    const streams = Array.from({ length: 2_000 }, () => client.open("Watch/Watch"));
    for (const stream of streams) stream.write(framed(fieldsOf({ 1: { 1: "a" } })));
    await eventually(() => server.counts().watches === 2_000, { withinMs: 15_000 });
    await client.close();
    await eventually(() => server.counts().watches === 0);
  });

  it("finds out that nobody is at the other end of a connection", async () => {
    await server.close();
    await start({ keepaliveMs: 30, keepaliveTimeoutMs: 30 });
    const { client } = await busyClient();
    // It answers pings, and stays.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(server.counts().connections).toBe(1);
    const relay = await deafRelay(server.port);
    const other = await RawGrpc.connect(relay.address);
    other.open("Watch/Watch").write(framed(fieldsOf({ 1: { 1: "a" } })));
    await eventually(() => server.counts().watches === 11);

    relay.cut();

    await eventually(() => server.counts().connections === 1);
    expect(server.counts().watches).toBe(10);
    await Promise.all([client.close(), other.close()]);
    relay.stop();
  });

  it("breaks with who pings too often, and says so", async () => {
    const client = await RawGrpc.connect(server.address);
    const away = once(client.session, "goaway");
    for (let n = 0; n < 20; n++) client.session.ping(() => {});
    const [code, , reason] = await away;
    expect([code, String(reason)]).toEqual([11, "too_many_pings"]);
    await eventually(() => server.counts().connections === 0);
    await client.close();
  });

  it("lets a client ask after what it was told", async () => {
    const client = await RawGrpc.connect(server.address);
    for (let n = 0; n < 10; n++) {
      await client.ask("KV/Range", { 1: "a" });
      await new Promise((resolve) => client.session.ping(resolve));
    }
    expect(client.session.destroyed).toBe(false);
    await client.close();
  });

  it("survives whatever comes over a socket", { timeout: 20_000 }, async () => {
    // Some of it leaves HTTP/2 speechless, until the next ping.
    await server.close();
    await start({ keepaliveMs: 50, keepaliveTimeoutMs: 50 });
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const settings = "\0\0\0\x04\0\0\0\0\0";
    const inputs = [
      "garbage\r\n\r\n",
      "\x16\x03\x01\0\x05hello",
      "PRI * HTTP/1.1\r\n\r\n",
      `${preface}\xff\xff\xff\xff\xff\xff\xff\xff\xff`,
      `${preface}${settings}\0\0\x08\0\0\0\0\0\x0112345678`,
      `${preface}${settings}${"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08".repeat(2_000)}`,
      `${preface}${settings}${"\0\0\x08\x06\0\0\0\0\x0012345678".repeat(5_000)}`,
      `${preface}${settings}${"\0\0\0\x04\0\0\0\0\0".repeat(5_000)}`,
      "",
      "P",
    ];
    const sockets = inputs.map((input) => {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      socket.end(input, "latin1");
      return socket;
    });
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    await eventually(() => server.counts().connections === 0);
    expect(server.counts()).toMatchObject(nothing);
    const etcd = new GrpcEtcd({ endpoints: [server.address] });
    await etcd.txn({ success: [{ op: "range", request: { key: bytesOf("a") } }] });
    await etcd.close();
  });

  it("takes a preface that comes byte by byte", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.setNoDelay(true);
    let heard = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
    });
    for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0") {
      socket.write(byte, "latin1");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => heard.includes(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])));
    socket.destroy();
  });
});

/** Passes everything on, until it is cut: then nothing any more, and nobody hears of it. */
async function deafRelay(
  port: number,
): Promise<{ readonly address: string; cut(): void; stop(): void }> {
  const sockets: Socket[] = [];
  const relay = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) socket.on("error", () => {});
    sockets.push(near, far);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const address = relay.address();
  return {
    address: `127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    cut() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}
