import { once } from "node:events";
import { createServer as createHttp1, type Server as Http1Server } from "node:http";
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { httpPages } from "./http-pages.ts";
import { listenFailure } from "./listen-failure.ts";
import { switchProtocol } from "./protocol-switch.ts";
import { type ConnectionOptions, ServerConnection } from "./server-connection.ts";
import { versions } from "./versions.ts";

const mebibyte = 1024 * 1024;

// How long a connection may take to say what it speaks, and to go on in HTTP/1.1.
const silenceMs = 20_000;

// How long clients may take to hear that the server stops.
const lingerMs = 100;

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Whether the process stays alive for as long as the server listens. */
  readonly keepsProcessAlive: boolean;
}

/** A gRPC server in plain text, and on the same port the few pages of etcd in HTTP/1.1. */
export class GrpcServer {
  readonly #options: ConnectionOptions;
  readonly #tcp: Server;
  readonly #http2: Http2Server;
  readonly #http1: Http1Server;
  readonly #sockets = new Set<Socket>();
  /** Those that have not said yet that they speak HTTP/2. */
  readonly #others = new Set<Socket>();
  readonly #connections = new Set<ServerConnection>();
  #keepsProcessAlive = true;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#tcp = createServer({ noDelay: true }, (socket) => this.#onSocket(socket));
    this.#http2 = createHttp2({
      // In megabytes: what one client may have in flight on one connection.
      maxSessionMemory: 1024,
      settings: { initialWindowSize: mebibyte },
    });
    // The connection hears of it, and ends.
    this.#http2.on("sessionError", () => {});
    this.#http1 = createHttp1(httpPages(versions));
  }

  /** How many clients are connected. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** How many calls are under way, streams among them. */
  get callCount(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.callCount;
    return count;
  }

  /** Begins to listen, and resolves with where. */
  listen({ host, port, keepsProcessAlive }: ListenOptions): Promise<AddressInfo> {
    this.#keepsProcessAlive = keepsProcessAlive;
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => reject(listenFailure(error, { host, port }));
      this.#tcp.once("error", onError);
      this.#tcp.listen({ host, port }, () => {
        this.#tcp.removeListener("error", onError);
        if (!keepsProcessAlive) this.#tcp.unref();
        resolve(this.#tcp.address() as AddressInfo);
      });
    });
  }

  /** Ends everything, and resolves when no socket is left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    for (const connection of this.#connections) connection.close();
    // They have no calls under way that would have to be told.
    for (const socket of this.#others) socket.destroy();
    // A session that is closing would wait for a client that does not listen, even if destroyed.
    const cancel = this.#options.clock.setTimer(lingerMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed.finally(cancel);
    // The last sockets tell only behind that that they are closed.
    await Promise.all([...this.#sockets].map((socket) => once(socket, "close")));
  }

  #onSocket(socket: Socket): void {
    this.#sockets.add(socket);
    this.#others.add(socket);
    // A client that vanishes is nobody's fault; "close" follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#others.delete(socket);
    });
    socket.setTimeout(silenceMs, () => socket.destroy());
    if (!this.#keepsProcessAlive) socket.unref();
    switchProtocol(socket, {
      http2: (connected) => {
        this.#others.delete(connected);
        connected.removeAllListeners("timeout");
        connected.setTimeout(0);
        // It makes a session of it at once, or never, if it is broken already.
        const onSession = (session: ServerHttp2Session): void =>
          this.#onSession(session, connected);
        this.#http2.once("session", onSession);
        this.#http2.emit("connection", connected);
        this.#http2.removeListener("session", onSession);
      },
      http1: (connected) => {
        this.#http1.emit("connection", connected);
        connected.resume();
      },
    });
  }

  #onSession(session: ServerHttp2Session, socket: Socket): void {
    if (!this.#keepsProcessAlive) session.unref();
    session.setLocalWindowSize(4 * mebibyte);
    const connection = new ServerConnection(session, socket, this.#options, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }
}
