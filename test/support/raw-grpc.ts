import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { FrameReader, plainFrames } from "../../src/etcd/wire/framing.ts";
import type { ProtobufReader } from "../../src/etcd/wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../src/etcd/wire/protobuf-writer.ts";

/** How a call ended. */
export interface RawAnswer {
  readonly httpStatus: number;
  /** The numbers of gRPC: 0 is OK; undefined if there was none. */
  readonly code: number | undefined;
  readonly message: string;
  readonly messages: readonly ProtobufReader[];
}

/** A message, by its fields: numbers, bytes or text, and messages within. */
export interface Fields {
  readonly [field: number]: bigint | string | Uint8Array | Fields;
}

/** Encodes a message from its fields. */
export function fieldsOf(fields: Fields): Buffer {
  const writer = new ProtobufWriter();
  writeFields(fields, writer);
  return writer.finish();
}

function writeFields(fields: Fields, writer: ProtobufWriter): void {
  for (const [key, value] of Object.entries(fields as Record<string, Fields[number]>)) {
    const field = Number(key);
    if (typeof value === "bigint") writer.int64(field, value);
    else if (typeof value === "string") writer.string(field, value);
    else if (value instanceof Uint8Array) writer.bytes(field, value);
    else writer.message(field, value, writeFields);
  }
}

/** A message in its frame. */
export function framed(bytes: Uint8Array, flag = 0, length: number = bytes.length): Buffer {
  const header = Buffer.alloc(5);
  header[0] = flag;
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, bytes]);
}

/** A client that sends what it is told to, whether or not that makes sense. */
export class RawGrpc {
  readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => {});
  }

  static async connect(address: string): Promise<RawGrpc> {
    const session = connect(`http://${address}`);
    await once(session, "remoteSettings");
    return new RawGrpc(session);
  }

  /** Opens a stream, for others to write to. */
  open(path: string, headers: IncomingHttpHeaders = {}): ClientHttp2Stream {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path.startsWith("/") ? path : `/etcdserverpb.${path}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  /** Sends one message, by its fields, and resolves with the answer. */
  ask(path: string, fields: Fields = {}): Promise<RawAnswer> {
    return this.send(path, framed(fieldsOf(fields)));
  }

  /** Sends bytes as they are, and resolves with how the call ended. */
  async send(
    path: string,
    bytes: Buffer,
    { headers = {}, isEnd = true }: { headers?: IncomingHttpHeaders; isEnd?: boolean } = {},
  ): Promise<RawAnswer> {
    const stream = this.open(path, headers);
    const answer = answerOf(stream);
    if (bytes.length > 0) stream.write(bytes);
    if (isEnd) stream.end();
    return answer;
  }

  async close(): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, "close");
    this.session.destroy();
    await closed;
  }
}

/** Resolves with how a call ended. */
export async function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  const frames = new FrameReader(plainFrames(2 ** 30));
  const messages: ProtobufReader[] = [];
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", (received) => {
    head = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (chunk: Buffer) => {
    messages.push(...frames.push(chunk));
  });
  await new Promise<void>((resolve) => stream.once("close", resolve));
  const end = { ...head, ...trailers };
  const status = end["grpc-status"];
  return {
    httpStatus: Number(head[":status"]),
    code: status === undefined ? undefined : Number(status),
    message: String(end["grpc-message"] ?? ""),
    messages,
  };
}

/** A stream on which one says something after the other, and waits for what comes. */
export class RawStream<Answer> {
  readonly stream: ClientHttp2Stream;
  readonly answers: Answer[] = [];
  readonly ended: Promise<RawAnswer>;

  constructor(stream: ClientHttp2Stream, decode: (message: ProtobufReader) => Answer) {
    this.stream = stream;
    const frames = new FrameReader(plainFrames(2 ** 30));
    stream.on("data", (chunk: Buffer) => {
      for (const message of frames.push(chunk)) this.answers.push(decode(message));
    });
    this.ended = answerOf(stream);
  }

  say(fields: Fields): void {
    this.stream.write(framed(fieldsOf(fields)));
  }
}
