import { constants, type ServerHttp2Stream } from "node:http2";
import type { Clock } from "../../clock.ts";
import { ClosedError, StoreError } from "../../errors.ts";
import { FrameReader } from "../wire/framing.ts";
import { encodeGrpcMessage, type GrpcStatus, grpcStatusCode } from "../wire/grpc-status.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import { checkFrame } from "./check-frame.ts";

/** Who answers a call. What its methods throw ends the call with a status that says so. */
export interface CallHandler {
  /** A message came. */
  onMessage(message: ProtobufReader): void;
  /** The client has nothing more to say, or was cut off in the middle of it. */
  onHalfClose(isTruncated: boolean): void;
  /** There is room again, after the call was congested. */
  onDrain?(): void;
  /** The call is over, by whomever. Called once, and last. */
  onOver?(): void;
}

/** What a call needs to know of the connection that it came by. */
export interface CallOwner {
  /** What waits is timed by. */
  readonly clock: Clock;
  /** Something is being sent. */
  onSent(): void;
}

/** Etcd's answers have no date, and to write it costs time. The types do not know of the option. */
export const withoutDate: object = { sendDate: false };

// How much may wait for a client that does not read. Etcd lets gRPC's windows fill, and then
// holds back; what waits here does so beyond those windows.
const congestedBytes = 1024 * 1024;

/** One gRPC call, as the server sees it. */
export class ServerCall {
  readonly #stream: ServerHttp2Stream;
  readonly #owner: CallOwner;
  readonly #contentType: string;
  readonly #frames = new FrameReader(checkFrame);
  #handler: CallHandler | undefined;
  #cancelDeadline: () => void = () => {};
  #isOver = false;
  #isDeaf = false;
  #trailers: Record<string, string> = {};

  constructor(stream: ServerHttp2Stream, owner: CallOwner, contentType: string) {
    this.#stream = stream;
    this.#owner = owner;
    this.#contentType = contentType;
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("end", () => this.#onEnd());
    stream.on("drain", () => this.#onDrain());
    stream.on("wantTrailers", () => {
      stream.sendTrailers(this.#trailers);
      this.#dismiss();
    });
    stream.on("close", () => this.#leave());
  }

  /** Whether the client reads so slowly that no more should be sent than it asks for. */
  get isCongested(): boolean {
    return this.#stream.writableLength > congestedBytes;
  }

  /** Whether nothing can be said any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Hands the call over. Absent a limit, it may take as long as it likes. */
  serve(handler: CallHandler, timeoutMs: number | undefined): void {
    this.#handler = handler;
    if (timeoutMs === undefined) return;
    const onTime = (): void => this.end("DEADLINE_EXCEEDED", "context deadline exceeded");
    if (timeoutMs <= 0) onTime();
    else {
      const options = { keepsProcessAlive: false };
      this.#cancelDeadline = this.#owner.clock.setTimer(timeoutMs, onTime, options);
    }
  }

  /** Passes over whatever the client goes on to say: gRPC takes one message where one is due. */
  hearNoMore(): void {
    this.#isDeaf = true;
  }

  /** Sends one message. */
  send(frame: Buffer): void {
    if (!this.#respond()) return;
    this.#stream.write(frame);
    // Who does not read its answers gets no further ones.
    if (this.isCongested) this.#stream.pause();
  }

  /** Sends the only message, and that all went well. */
  finish(frame: Buffer): void {
    if (!this.#respond()) return;
    this.#trailers = trailersOf("OK", "");
    this.#leave();
    this.#stream.end(frame);
  }

  /** Ends the call with a status. */
  end(status: GrpcStatus["status"], message = ""): void {
    if (this.#isOver) return;
    const trailers = trailersOf(status, message);
    this.#leave();
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#owner.onSent();
    if (this.#stream.headersSent) {
      this.#trailers = trailers;
      this.#stream.end();
    } else {
      const headers = { ":status": 200, "content-type": this.#contentType, ...trailers };
      this.#stream.respond(headers, { endStream: true, ...withoutDate });
      this.#dismiss();
    }
  }

  /** Ends the call with the status of an error. */
  fail(error: unknown): void {
    if (error instanceof StoreError) this.end(error.status, error.message);
    else if (error instanceof ClosedError) this.end("UNAVAILABLE", "etcdserver: server stopped");
    else this.end("INTERNAL", `microlock: ${error instanceof Error ? error.message : error}`);
  }

  #respond(): boolean {
    if (this.#isOver || this.#stream.destroyed || this.#stream.closed) return false;
    this.#owner.onSent();
    if (!this.#stream.headersSent) {
      const headers = { ":status": 200, "content-type": this.#contentType };
      this.#stream.respond(headers, { waitForTrailers: true, ...withoutDate });
    }
    return true;
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver || this.#isDeaf) return;
    this.#frames.add(chunk);
    this.#attempt((handler) => {
      while (!this.#isOver && !this.#isDeaf) {
        const message = this.#frames.take();
        if (!message) return;
        handler.onMessage(message);
      }
    });
  }

  #onEnd(): void {
    if (this.#isOver || this.#isDeaf) return;
    this.#attempt((handler) => handler.onHalfClose(this.#frames.isWithinFrame));
  }

  #onDrain(): void {
    if (this.#isOver) return;
    this.#stream.resume();
    this.#attempt((handler) => handler.onDrain?.());
  }

  #attempt(work: (handler: CallHandler) => void): void {
    try {
      if (this.#handler) work(this.#handler);
    } catch (error) {
      this.fail(error);
    }
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelDeadline();
    this.#handler?.onOver?.();
  }

  /** Tells a client that is still sending that nobody listens any more, behind the answer. */
  #dismiss(): void {
    if (this.#stream.readableEnded) return;
    this.#stream.resume();
    setImmediate(() => {
      if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }
}

function trailersOf(status: GrpcStatus["status"], message: string): Record<string, string> {
  return {
    "grpc-status": String(grpcStatusCode(status)),
    "grpc-message": encodeGrpcMessage(message),
  };
}
