import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import type { CallBounds } from "./call-bounds.ts";
import type { Endpoint } from "./endpoints.ts";
import { CallFailure } from "./failures.ts";
import { GrpcStream, type StreamHandler, type StreamOwner } from "./grpc-stream.ts";
import { Heartbeat } from "./heartbeat.ts";
import { type CallHead, requestHeaders } from "./metadata.ts";
import { outsideCallbacks } from "./outside-callbacks.ts";

// HTTP/2 numbers its streams up to 2^31; well before, we change to a fresh connection.
const streamIdMax = 2 ** 30;

/** One HTTP/2 connection to one etcd, for as long as it works. */
export class Connection {
  readonly endpoint: Endpoint;
  /** Resolves when its socket is gone. */
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #heartbeat: Heartbeat;
  readonly #owner: StreamOwner & { lastStreamId: number; causeOfDeath: string | undefined };
  readonly #retireListeners = new Set<() => void>();
  #openStreams = 0;
  #isRetired = false;
  #isDestroyed = false;

  constructor(endpoint: Endpoint, session: ClientHttp2Session, socket: Socket, clock: Clock) {
    this.endpoint = endpoint;
    this.#session = session;
    this.#socket = socket;
    this.#heartbeat = new Heartbeat(clock, session, {
      isBusy: () => this.#openStreams > 0,
      onDead: () => this.destroy("The connection is dead: a ping was not answered"),
    });
    this.#owner = {
      lastStreamId: Number.POSITIVE_INFINITY,
      causeOfDeath: undefined,
      onHeard: () => this.#heartbeat.hear(),
      onStreamOver: () => {
        this.#openStreams--;
        if (this.#isRetired && this.#openStreams === 0) this.destroy();
      },
    };
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    session.on("goaway", (_code, lastStreamId = Number.POSITIVE_INFINITY) => {
      this.#owner.lastStreamId = lastStreamId;
      this.retire();
    });
    // What was wrong is said by the streams, each on its own.
    session.on("error", () => {});
    session.once("close", () => this.destroy());
    socket.on("error", () => this.destroy());
  }

  /** Whether new calls may use it. */
  get isUsable(): boolean {
    return !this.#isRetired && !this.#session.closed && !this.#session.destroyed;
  }

  /** Calls `listener` once, when new calls may no longer use it, unless the result is called before. */
  onRetire(listener: () => void): () => void {
    this.#retireListeners.add(listener);
    return () => this.#retireListeners.delete(listener);
  }

  /** Takes no new calls; closes as soon as those under way have ended. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    for (const listener of [...this.#retireListeners]) listener();
    this.#retireListeners.clear();
    if (this.#openStreams === 0) this.destroy();
  }

  /** Closes it; calls under way fail. */
  destroy(cause?: string): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#owner.causeOfDeath ??= cause;
    this.#heartbeat.stop();
    this.retire();
    outsideCallbacks(() => {
      this.#session.destroy();
      this.#socket.destroy();
    });
  }

  /**
   * Opens a stream.
   *
   * @throws {CallFailure} when the connection is no longer usable.
   */
  open(head: CallHead, handler: StreamHandler): GrpcStream {
    if (!this.isUsable) throw new CallFailure("unsent", "UNAVAILABLE", "The connection is closed");
    const stream = this.#session.request(requestHeaders(this.endpoint.name, head));
    this.#openStreams++;
    this.#heartbeat.begin();
    if ((stream.id ?? 0) > streamIdMax) this.retire();
    return new GrpcStream(stream, handler, this.#owner);
  }

  /**
   * Sends one message, and resolves with the one that answers it. When the bounds end it by
   * time, the connection is retired: its silence may be its own fault.
   */
  call(head: CallHead, frame: Buffer, bounds: CallBounds): Promise<ProtobufReader> {
    return new Promise((resolve, reject) => {
      let answer: ProtobufReader | undefined;
      const stream = this.open(head, {
        onMessage: (message) => {
          answer ??= message;
        },
        onEnd: (failure) => {
          unwatch();
          if (failure) reject(failure);
          else if (answer) resolve(answer);
          else reject(new CallFailure("lost", "INTERNAL", "The answer is empty"));
        },
      });
      const unwatch = bounds.watch(({ cause, error }) => {
        reject(error);
        if (cause === "timeout") this.retire();
        stream.abandon();
      });
      stream.end(frame);
    });
  }
}
