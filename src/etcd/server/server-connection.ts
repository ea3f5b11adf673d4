import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import { encodeGrpcMessage, grpcStatusCode } from "../wire/grpc-status.ts";
import type { Service } from "./method.ts";
import { PingPolicy } from "./ping-policy.ts";
import { type HeadRefusal, readRequestHead } from "./request-head.ts";
import { ServerCall, withoutDate } from "./server-call.ts";

/** What all connections of a server have in common. */
export interface ConnectionOptions {
  readonly services: Readonly<Record<string, Service>>;
  readonly clock: Clock;
  /** How long a connection may be silent before it is asked whether it still is one. */
  readonly keepaliveMs: number;
  /** How long it may then take to answer. */
  readonly keepaliveTimeoutMs: number;
}

/** One client's connection, and the calls on it. */
export class ServerConnection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #calls = new Set<ServerCall>();
  readonly #pings: PingPolicy;
  #isHeard = false;
  #isClosing = false;
  #cancelTimer: () => void = () => {};

  /** `onClose` is called when nothing is left of it. */
  constructor(
    session: ServerHttp2Session,
    socket: Socket,
    options: ConnectionOptions,
    onClose: () => void,
  ) {
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
    this.#pings = new PingPolicy(options.clock);
    // A client that breaks off, or makes no sense, is nobody's fault.
    session.on("error", () => this.#breakOff());
    socket.on("close", () => {
      this.#cancelTimer();
      onClose();
    });
    session.on("stream", (stream, headers) => this.#onStream(stream, headers));
    session.on("ping", () => this.#onPing());
    this.#listen();
  }

  /** How many calls are under way. */
  get callCount(): number {
    return this.#calls.size;
  }

  /** Ends all calls, and the connection as soon as they are told, if they listen. */
  close(): void {
    if (this.#isClosing || this.#session.destroyed) return;
    this.#isClosing = true;
    for (const call of this.#calls) call.end("UNAVAILABLE", "etcdserver: server stopped");
    this.#cancelTimer();
    this.#session.close();
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.#isHeard = true;
    stream.on("error", () => {});
    const head = readRequestHead(headers);
    if ("httpStatus" in head) {
      refuse(stream, head);
      return;
    }
    const { clock, services } = this.#options;
    const onSent = (): void => this.#pings.forgive();
    const call = new ServerCall(stream, { clock, onSent }, head.contentType);
    this.#calls.add(call);
    stream.on("close", () => this.#calls.delete(call));
    stream.on("data", () => {
      this.#isHeard = true;
    });

    // Own properties only: a service is not called "constructor".
    const service = Object.hasOwn(services, head.service) ? services[head.service] : undefined;
    const method = service && Object.hasOwn(service, head.method) && service[head.method];
    if (this.#isClosing) call.end("UNAVAILABLE", "etcdserver: server stopped");
    else if (!service) call.end("UNIMPLEMENTED", `unknown service ${head.service}`);
    else if (!method) {
      const message = `unknown method ${head.method} for service ${head.service}`;
      call.end("UNIMPLEMENTED", message);
    } else call.serve(method(call), head.timeoutMs);
  }

  #onPing(): void {
    this.#isHeard = true;
    if (!this.#pings.isTooMuch(this.#calls.size) || this.#isClosing) return;
    this.#isClosing = true;
    this.#session.goaway(
      constants.NGHTTP2_ENHANCE_YOUR_CALM,
      undefined,
      Buffer.from("too_many_pings"),
    );
    this.#breakOff();
  }

  /** Ends the connection, once what was said last is out: a session alone may wait for the client. */
  #breakOff(): void {
    setImmediate(() => {
      this.#session.destroy();
      this.#socket.destroy();
    });
  }

  /** Finds out when nobody is there any more, so that watches of the dead are not kept for ever. */
  #listen(): void {
    this.#isHeard = false;
    this.#arm(this.#options.keepaliveMs, () => {
      if (this.#isHeard) this.#listen();
      else this.#ask();
    });
  }

  #ask(): void {
    this.#arm(this.#options.keepaliveTimeoutMs, () => this.#breakOff());
    if (this.#session.destroyed) return;
    this.#session.ping((error) => {
      if (!error && !this.#isClosing) this.#listen();
    });
  }

  #arm(delayMs: number, wake: () => void): void {
    this.#cancelTimer();
    if (this.#socket.destroyed) return;
    const options = { keepsProcessAlive: false };
    this.#cancelTimer = this.#options.clock.setTimer(delayMs, wake, options);
  }
}

function refuse(stream: ServerHttp2Stream, { httpStatus, status, message }: HeadRefusal): void {
  stream.respond(
    {
      ":status": httpStatus,
      "content-type": "application/grpc",
      "grpc-status": String(grpcStatusCode(status)),
      "grpc-message": encodeGrpcMessage(message),
    },
    { endStream: true, ...withoutDate },
  );
  stream.resume();
  setImmediate(() => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
