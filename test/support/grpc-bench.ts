import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { GrpcEtcd, type GrpcEtcdOptions } from "../../src/etcd/grpc/grpc-etcd.ts";
import { type FakeCall, FakeGrpcServer, type FakeMethods } from "./fake-grpc-server.ts";
import { listenLocally } from "./listen-locally.ts";

// Whatever is started here ends with the test that started it, the last one first.

/** A server of its own for a test. */
export async function serve(methods: FakeMethods, port?: number): Promise<FakeGrpcServer> {
  const server = await FakeGrpcServer.start(methods, port);
  onTestFinished(() => server.stop());
  return server;
}

/** A client of these servers, which are tried in this order. */
export function connect(
  servers: readonly ({ readonly endpoint: string } | string)[],
  options: Partial<GrpcEtcdOptions> = {},
): GrpcEtcd {
  const endpoints = servers.map((one) => (typeof one === "string" ? one : one.endpoint));
  const etcd = new GrpcEtcd({ endpoints, ...options });
  onTestFinished(() => etcd.close());
  return etcd;
}

/** Grants lease 5. */
export const grant = (call: FakeCall): void => call.reply((writer) => writer.int64(2, 5n));

/** Never answers. */
export const hang = (): void => {};

/** An endpoint where nobody listens. */
export async function deadEndpoint(): Promise<string> {
  const server = await FakeGrpcServer.start({});
  await server.stop();
  return server.endpoint;
}

/** The endpoint of a server that does as told with each connection. */
export async function listen(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  const endpoint = await listenLocally(server);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return endpoint;
}
