import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { Clock } from "../../clock.ts";
import { connectFailure } from "./connect-failure.ts";
import { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoints.ts";
import { ConnectFailure } from "./failures.ts";
import { outsideCallbacks } from "./outside-callbacks.ts";
import { type TlsOptions, tlsConnectionOptions } from "./tls-options.ts";

const mebibyte = 1024 * 1024;

export interface OpenConnectionOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Absent for a connection in plain text. */
  readonly tls?: TlsOptions | undefined;
  /** Gives up when it aborts. */
  readonly signal: AbortSignal;
}

/**
 * Connects to one endpoint. Done when the server has said its first word in HTTP/2: something
 * that accepts connections and then keeps silent, or speaks otherwise, is no etcd.
 *
 * @throws {ConnectFailure} which says in words what is wrong.
 */
export async function openConnection(
  endpoint: Endpoint,
  options: OpenConnectionOptions,
): Promise<Connection> {
  try {
    return await connect(endpoint, options);
  } catch (error) {
    const failure = connectFailure(endpoint, error);
    if (!failure.isAbrupt || options.signal.aborted) throw failure;
    throw (await wrongWay(endpoint, options)) ?? failure;
  }
}

/**
 * Etcd hangs up without a word on whoever speaks TLS or plain text to it where it expects the
 * other. So we try the other, only to be able to say so.
 */
async function wrongWay(
  endpoint: Endpoint,
  options: OpenConnectionOptions,
): Promise<ConnectFailure | undefined> {
  const words = options.tls
    ? "it does not speak TLS; is it http://?"
    : "it speaks TLS; use https://, or give tls";
  try {
    const connection = await connect(endpoint, { ...options, tls: options.tls ? undefined : {} });
    connection.destroy();
  } catch (error) {
    if (connectFailure(endpoint, error).kind !== "tls") return undefined;
  }
  return new ConnectFailure(endpoint, "protocol", words);
}

function connect(
  endpoint: Endpoint,
  { clock, timeoutMs, tls, signal }: OpenConnectionOptions,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = tls
      ? connectTls(tlsConnectionOptions(endpoint, tls))
      : connectTcp({ host: endpoint.host, port: endpoint.port });
    socket.setNoDelay(true);
    const session = startHttp2(socket);

    const settle = (): void => {
      stopTimer();
      signal.removeEventListener("abort", onAbort);
      socket.removeListener("error", fail);
      session.removeListener("error", fail);
      session.removeListener("close", onClose);
      session.removeListener("remoteSettings", onReady);
    };
    const fail = (error: unknown): void => {
      settle();
      session.on("error", () => {}); // it may still say once more what is wrong
      socket.on("error", () => {});
      outsideCallbacks(() => {
        session.destroy();
        socket.destroy();
      });
      reject(error);
    };
    const onReady = (): void => {
      if (socket instanceof TLSSocket && socket.alpnProtocol !== "h2") {
        fail(new ConnectFailure(endpoint, "protocol", "it does not speak HTTP/2"));
        return;
      }
      settle();
      session.setLocalWindowSize(16 * mebibyte);
      resolve(new Connection(endpoint, session, socket, clock));
    };
    const onClose = (): void => {
      fail(new ConnectFailure(endpoint, "unreachable", "connection closed", { isAbrupt: true }));
    };
    const onAbort = (): void => fail(signal.reason);
    const stopTimer = clock.setTimer(
      timeoutMs,
      () => fail(new ConnectFailure(endpoint, "unreachable", `no answer within ${timeoutMs} ms`)),
      { keepsProcessAlive: false },
    );

    session.once("remoteSettings", onReady);
    session.on("error", fail);
    // A TLS alert behind the handshake, such as "certificate required", comes only here.
    socket.on("error", fail);
    session.once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function startHttp2(socket: Socket): ClientHttp2Session {
  // The address is only a form; each request names the true one.
  const session = connectHttp2("http://etcd", {
    createConnection: () => socket,
    // In megabytes: what one process may have in flight on one connection.
    maxSessionMemory: 1024,
    settings: { enablePush: false, initialWindowSize: 4 * mebibyte },
  });
  // What somebody waits for keeps the process alive by its own timer.
  session.unref();
  return session;
}
