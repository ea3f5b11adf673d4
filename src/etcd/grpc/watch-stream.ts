import type { Clock } from "../../clock.ts";
import { encodeFrame } from "../wire/framing.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import {
  decodeWatchAnswer,
  encodeWatchCommand,
  type WatchAnswer,
  type WatchCommand,
} from "../wire/watch-messages.ts";
import type { Connection } from "./connection.ts";
import { CallFailure } from "./failures.ts";
import type { GrpcStream } from "./grpc-stream.ts";
import type { WatchState } from "./watch-state.ts";
import { Watchdog } from "./watchdog.ts";

/** Whoever keeps the watches of a stream. */
export interface WatchStreamOwner {
  /** Etcd ended a watch, or refused it. */
  onCanceled(watch: WatchState, answer: WatchAnswer): void;
  /** The stream is over; without a failure if we gave it up. Called once. */
  onOver(failure: CallFailure | undefined): void;
}

/** One stream that all watches share, for as long as it lasts. */
export class WatchStream {
  readonly connection: Connection;
  /** The token that it was opened with; etcd checks every new watch by it. */
  readonly token: string | undefined;
  /** Whether a watch ever came to stand on it. */
  wasUseful = false;
  readonly #owner: WatchStreamOwner;
  readonly #stream: GrpcStream;
  readonly #watchdog: Watchdog;
  readonly #stopListening: () => void;
  /** By the id that we chose, in the order of their creation, which is that of the answers. */
  readonly #pending = new Map<bigint, WatchState>();
  /** By the id that the server says: a proxy has ids of its own. */
  readonly #standing = new Map<bigint, WatchState>();
  readonly #ids = new Map<WatchState, bigint>();
  #lastId = 0n;
  /** The highest revision that the server spoke of. */
  #revision = 0n;
  #isOver = false;

  constructor(
    connection: Connection,
    token: string | undefined,
    clock: Clock,
    owner: WatchStreamOwner,
  ) {
    this.connection = connection;
    this.token = token;
    this.#owner = owner;
    this.#stream = connection.open(
      { method: "Watch/Watch", token },
      {
        onMessage: (message) => this.#onMessage(message),
        // Etcd has no reason to end it without one.
        onEnd: (failure = new CallFailure("answered", "UNAVAILABLE", "The stream ended")) =>
          this.#finish(failure),
      },
    );
    this.#watchdog = new Watchdog(clock, {
      isCreating: () => this.#pending.size > 0,
      mayBeSilent: () => this.#isAhead(),
      ask: () => this.#send({ command: "progress" }),
      giveUp: () => connection.retire(),
    });
    this.#stopListening = connection.onRetire(() => this.end());
  }

  /** Asks etcd for a watch, from where it has to go on. */
  create(watch: WatchState): void {
    const id = ++this.#lastId;
    const frame = encodeFrame(
      { command: "create", id, request: watch.request },
      encodeWatchCommand,
    );
    this.#pending.set(id, watch);
    this.#stream.write(frame);
    this.#watchdog.create();
  }

  /** Tells etcd to forget a watch. One that does not stand yet is cancelled as soon as it does. */
  cancel(watch: WatchState): void {
    const id = this.#ids.get(watch);
    if (id === undefined) return;
    this.#forget(id, watch);
    this.#send({ command: "cancel", id });
  }

  /** Gives the stream up; whatever is on it can go on elsewhere. */
  end(): void {
    this.#stream.abandon();
    this.#finish(undefined);
  }

  #finish(failure: CallFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watchdog.stop();
    this.#stopListening();
    this.#owner.onOver(failure);
  }

  #onMessage(message: ProtobufReader): void {
    const answer = decodeWatchAnswer(message);
    this.#watchdog.hear();
    if (answer.header.revision > this.#revision) this.#revision = answer.header.revision;
    if (answer.created) {
      this.#onCreated(answer);
      return;
    }
    const watch = this.#standing.get(answer.id);
    if (!watch) return;
    if (answer.canceled) {
      this.#forget(answer.id, watch);
      this.#owner.onCanceled(watch, answer);
    } else {
      watch.deliver(answer.events);
    }
  }

  #onCreated(answer: WatchAnswer): void {
    // A refusal has the id -1, so it belongs to whoever waits the longest.
    const [oldest] = this.#pending.keys();
    const id = this.#pending.has(answer.id) ? answer.id : oldest;
    if (id === undefined) return;
    const watch = this.#pending.get(id);
    this.#pending.delete(id);
    this.#watchdog.created();
    if (!watch) return;
    if (answer.canceled) {
      if (!watch.isOver) this.#owner.onCanceled(watch, answer);
    } else if (watch.isOver) {
      this.#send({ command: "cancel", id: answer.id });
    } else {
      this.wasUseful = true;
      this.#standing.set(answer.id, watch);
      this.#ids.set(watch, answer.id);
      watch.create(answer.header.revision);
    }
  }

  /**
   * Whether a watch waits for a revision that etcd has not come to. As long as one does, newer
   * versions say nothing of their progress, and only HTTP/2 pings tell that they are there.
   */
  #isAhead(): boolean {
    for (const watch of this.#standing.values()) {
      if ((watch.request.startRevision ?? 0n) > this.#revision + 1n) return true;
    }
    return false;
  }

  #forget(id: bigint, watch: WatchState): void {
    this.#standing.delete(id);
    this.#ids.delete(watch);
  }

  #send(command: WatchCommand): void {
    this.#stream.write(encodeFrame(command, encodeWatchCommand));
  }
}
