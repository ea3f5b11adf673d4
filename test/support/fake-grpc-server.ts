import { once } from "node:events";
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { encodeFrame, FrameReader, plainFrames } from "../../src/etcd/wire/framing.ts";
import type { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import type { ProtobufWriter } from "../../src/etcd/wire/protobuf-writer.ts";

/** One call as the server sees it. */
export class FakeCall {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly stream: ServerHttp2Stream;
  readonly #frames = new FrameReader(plainFrames(2 ** 20));
  readonly #messages: ProtobufReader[] = [];
  #onMessage: ((message: ProtobufReader) => void) | undefined;
  #trailers: Record<string, string> = {};

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.headers = headers;
    this.method = String(headers[":path"]).replace("/etcdserverpb.", "");
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      for (const message of this.#frames.push(chunk)) {
        if (this.#onMessage) this.#onMessage(message);
        else this.#messages.push(message);
      }
    });
    stream.on("wantTrailers", () => stream.sendTrailers(this.#trailers));
  }

  /** Hands over every message, those that came already too. */
  onMessage(listener: (message: ProtobufReader) => void): void {
    this.#onMessage = listener;
    for (const message of this.#messages.splice(0)) listener(message);
  }

  /** Sends one message. */
  send(encode: (writer: ProtobufWriter) => void): void {
    this.sendRaw(encodeFrame(undefined, (_, writer) => encode(writer)));
  }

  sendRaw(bytes: Buffer): void {
    if (this.stream.destroyed) return;
    if (!this.stream.headersSent) {
      this.stream.respond(
        { ":status": 200, "content-type": "application/grpc" },
        { waitForTrailers: true },
      );
    }
    this.stream.write(bytes);
  }

  /** Ends the call with a status; without anything sent before, by trailers only. */
  end(code = 0, message = ""): void {
    this.endWith({ "grpc-status": String(code), ...(message ? { "grpc-message": message } : {}) });
  }

  endWith(trailers: Record<string, string>): void {
    if (this.stream.destroyed) return;
    this.#trailers = trailers;
    if (this.stream.headersSent) {
      this.stream.end();
    } else {
      const headers = { ":status": 200, "content-type": "application/grpc", ...trailers };
      this.stream.respond(headers, { endStream: true });
    }
  }

  reply(encode: (writer: ProtobufWriter) => void): void {
    this.send(encode);
    this.end();
  }

  reset(code: number = constants.NGHTTP2_REFUSED_STREAM): void {
    this.stream.close(code);
  }
}

export type FakeMethods = Record<string, (call: FakeCall) => void>;

/** An HTTP/2 server that answers as a test wants it to. */
export class FakeGrpcServer {
  /** What was called, in order, but for the look at the version. */
  readonly calls: FakeCall[] = [];
  readonly sessions = new Set<ServerHttp2Session>();
  /** How many connections there have been. */
  connections = 0;
  readonly endpoint: string;
  readonly #server: Http2Server;

  private constructor(server: Http2Server, methods: FakeMethods) {
    this.#server = server;
    this.endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("session", (session) => {
      this.connections++;
      this.sessions.add(session);
      session.on("error", () => {});
      session.on("close", () => this.sessions.delete(session));
    });
    server.on("stream", (stream, headers) => {
      const call = new FakeCall(stream, headers);
      if (call.method === "Maintenance/Status") {
        call.reply((writer) => writer.string(2, "3.5.30"));
        return;
      }
      this.calls.push(call);
      const answer = methods[call.method];
      if (answer) answer(call);
      else call.end(12, `unknown method ${call.method}`);
    });
  }

  static async start(methods: FakeMethods, port = 0): Promise<FakeGrpcServer> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return new FakeGrpcServer(server, methods);
  }

  /** Breaks all connections, without a word. */
  cut(): void {
    for (const session of this.sessions) session.destroy();
  }

  /** Stopping twice does nothing. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }
}
