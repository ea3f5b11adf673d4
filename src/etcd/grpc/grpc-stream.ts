import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { FrameReader, plainFrames } from "../wire/framing.ts";
import { type GrpcStatus, readForeignAnswer, readGrpcStatus } from "../wire/grpc-status.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import { CallFailure } from "./failures.ts";
import { outsideCallbacks } from "./outside-callbacks.ts";

// Etcd limits requests to 1.5 MiB, but not what it answers.
const messageSizeMaxBytes = 256 * 1024 * 1024;

/** Whoever waits for what comes back on a stream. */
export interface StreamHandler {
  onMessage(message: ProtobufReader): void;
  /** The stream is over: without a failure if its status was OK. Called once, and last. */
  onEnd(failure: CallFailure | undefined): void;
}

/** What a stream needs to know of the connection that it runs on. */
export interface StreamOwner {
  /** The highest stream that the server looked at, if it has said so. */
  readonly lastStreamId: number;
  /** Why the connection was given up, if it was. */
  readonly causeOfDeath: string | undefined;
  onHeard(): void;
  onStreamOver(): void;
}

/** One gRPC call over one HTTP/2 stream. */
export class GrpcStream {
  readonly #stream: ClientHttp2Stream;
  readonly #handler: StreamHandler;
  readonly #owner: StreamOwner;
  readonly #frames = new FrameReader(plainFrames(messageSizeMaxBytes));
  #isOver = false;
  #error: Error | undefined;

  constructor(stream: ClientHttp2Stream, handler: StreamHandler, owner: StreamOwner) {
    this.#stream = stream;
    this.#handler = handler;
    this.#owner = owner;
    stream.on("response", (headers) => this.#onResponse(headers));
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("trailers", (trailers) => this.#onTrailers(trailers));
    stream.on("error", (error) => {
      this.#error = error;
    });
    stream.on("close", () => this.#onClose());
  }

  write(frame: Buffer): void {
    if (!this.#isOver) this.#stream.write(frame);
  }

  /** Sends the last message, or says that there is none. */
  end(frame?: Buffer): void {
    if (!this.#isOver) this.#stream.end(frame);
  }

  /** Lets go of the stream: the server is told, and the handler hears nothing more. */
  abandon(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#cancel();
  }

  #onResponse(headers: IncomingHttpHeaders): void {
    if (this.#isOver) return;
    this.#owner.onHeard();
    const status = readGrpcStatus(headers) ?? readForeignAnswer(headers);
    if (status) this.#finish(status);
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#owner.onHeard();
    try {
      for (const message of this.#frames.push(chunk)) {
        this.#handler.onMessage(message);
        if (this.#isOver) return;
      }
    } catch (error) {
      this.#cancel();
      this.#fail("lost", "INTERNAL", `The answer makes no sense, ${messageOf(error)}`, error);
    }
  }

  #onTrailers(trailers: IncomingHttpHeaders): void {
    if (this.#isOver) return;
    const status = readGrpcStatus(trailers);
    if (!status) this.#fail("lost", "INTERNAL", "The answer ended without a status");
    else if (status.status !== "OK") this.#finish(status);
    else if (this.#frames.isBetweenFrames) this.#finish(status);
    else this.#fail("lost", "INTERNAL", "The answer ended in the middle of a message");
  }

  #onClose(): void {
    if (this.#isOver) return;
    const { id, rstCode } = this.#stream;
    const isUnsent =
      id === undefined ||
      id > this.#owner.lastStreamId ||
      rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const message = this.#owner.causeOfDeath ?? "The connection was lost";
    this.#fail(isUnsent ? "unsent" : "lost", "UNAVAILABLE", message, this.#error);
  }

  #finish({ status, message }: GrpcStatus): void {
    if (status === "OK") {
      this.#leave();
      this.#handler.onEnd(undefined);
    } else {
      this.#fail("answered", status, message);
    }
  }

  #fail(
    kind: CallFailure["kind"],
    status: CallFailure["status"],
    message: string,
    cause?: unknown,
  ): void {
    if (this.#isOver) return;
    this.#leave();
    this.#handler.onEnd(new CallFailure(kind, status, message, { cause }));
  }

  #cancel(): void {
    outsideCallbacks(() => this.#stream.close(constants.NGHTTP2_CANCEL));
  }

  #leave(): void {
    this.#isOver = true;
    this.#owner.onStreamOver();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
