import { StoreError } from "../../errors.ts";
import type { WatchEvent } from "../api.ts";
import type { EmbeddedEtcd } from "../embedded/embedded-etcd.ts";
import { encodeFrame } from "../wire/framing.ts";
import type { ProtobufReader } from "../wire/protobuf-reader.ts";
import {
  decodeWatchCommand,
  encodeWatchAnswer,
  type WatchAnswerSent,
  type WatchCreation,
} from "../wire/watch-messages-received.ts";
import { decodeStreamed } from "./method.ts";
import { ServedWatch, type WatchOutlet } from "./served-watch.ts";
import type { CallHandler, ServerCall } from "./server-call.ts";
import { watchFrames } from "./watch-frames.ts";
import type { WatchServiceOptions } from "./watch-service.ts";

/** What etcd says about a stream as a whole, and about a watch that never was. */
const noWatch = -1n;

/** The watches of one stream. */
export class ServedWatchStream implements CallHandler, WatchOutlet {
  readonly #store: EmbeddedEtcd;
  readonly #call: ServerCall;
  readonly #options: WatchServiceOptions;
  readonly #watches = new Map<bigint, ServedWatch>();
  readonly #paused = new Set<ServedWatch>();
  #nextId = 0n;
  #isProgressDue = false;
  #isResuming = false;
  #cancelTimer: (() => void) | undefined;

  constructor(store: EmbeddedEtcd, call: ServerCall, options: WatchServiceOptions) {
    this.#store = store;
    this.#call = call;
    this.#options = options;
  }

  get isCongested(): boolean {
    return this.#call.isCongested;
  }

  onMessage(message: ProtobufReader): void {
    const command = decodeStreamed(message, decodeWatchCommand);
    if (command.command === "create") this.#create(command.request);
    else if (command.command === "cancel") this.#cancel(command.id);
    else if (command.command === "progress") this.#requestProgress();
  }

  /** A client that asks for nothing more still wants to hear what happens. */
  onHalfClose(isTruncated: boolean): void {
    if (isTruncated) throw new StoreError("INTERNAL", "unexpected EOF");
  }

  onDrain(): void {
    this.#resume();
  }

  onOver(): void {
    this.#cancelTimer?.();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
    this.#paused.clear();
  }

  onEvents(watch: ServedWatch, events: readonly WatchEvent[], revision: bigint): void {
    const header = { ...this.#store.header, revision };
    const { fragment } = watch.request;
    for (const frame of watchFrames({ header, id: watch.id, events }, fragment)) {
      this.#call.send(frame);
    }
  }

  onPaused(watch: ServedWatch): void {
    this.#paused.add(watch);
  }

  onCompacted(watch: ServedWatch, compactRevision: bigint): void {
    this.#forget(watch);
    this.#send({ id: watch.id, canceled: true, compactRevision });
  }

  onEnd(error: Error): void {
    this.#call.fail(error);
  }

  #create(request: WatchCreation): void {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      this.#send({ id: noWatch, created: true, canceled: true, cancelReason: refusal });
      return;
    }
    const watch = new ServedWatch(this.#store, request.id || this.#chooseId(), request, this);
    this.#watches.set(watch.id, watch);
    watch.start();
    this.#send({ id: watch.id, created: true });
    if (request.progressNotify && !this.#cancelTimer) this.#armProgress();
  }

  /** Why etcd does not begin to watch; undefined if it does. */
  #refusalOf({ id, key, rangeEnd, startRevision }: WatchCreation): string | undefined {
    if (startRevision < 0n) return "etcdserver: mvcc: required revision has been compacted";
    const isOpenEnded = rangeEnd?.length === 1 && rangeEnd[0] === 0;
    // An empty key is the first one that there can be.
    const first = key.length > 0 ? key : new Uint8Array(1);
    if (rangeEnd?.length && !isOpenEnded && Buffer.compare(first, rangeEnd) >= 0) {
      return "mvcc: watcher range is empty";
    }
    if (id !== 0n && this.#watches.has(id)) {
      return "mvcc: duplicate watch ID provided on the WatchStream";
    }
    return undefined;
  }

  #chooseId(): bigint {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(id: bigint): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#forget(watch);
    this.#send({ id, canceled: true });
    this.#finishProgress();
  }

  #forget(watch: ServedWatch): void {
    watch.close();
    this.#watches.delete(watch.id);
    this.#paused.delete(watch);
  }

  /** Goes on with those that waited, one after the other, so that not all are in memory at once. */
  #resume(): void {
    if (this.#isResuming) return;
    const [watch] = this.#paused;
    if (!watch) {
      this.#finishProgress();
      return;
    }
    this.#paused.delete(watch);
    watch.start();
    this.#isResuming = true;
    // The store tells the past in microtasks, so that it has been told by then.
    setImmediate(() => {
      this.#isResuming = false;
      if (!this.#call.isOver && !this.isCongested) this.#resume();
    });
  }

  /** The answer says that nothing was left out up to its revision: so not before that is true. */
  #requestProgress(): void {
    if (this.#watches.size === 0) return;
    this.#isProgressDue = true;
    // Behind what the store has still to tell of the present revision.
    setImmediate(() => this.#finishProgress());
  }

  #finishProgress(): void {
    if (!this.#isProgressDue || this.#paused.size > 0 || this.#isResuming) return;
    this.#isProgressDue = false;
    this.#send({ id: noWatch });
  }

  #armProgress(): void {
    const { clock, progressMs } = this.#options;
    const wake = (): void => {
      for (const watch of this.#watches.values()) {
        const isDue = watch.request.progressNotify && !watch.hasTold && !this.#paused.has(watch);
        watch.hasTold = false;
        if (isDue && !this.isCongested) this.#send({ id: watch.id });
      }
      this.#armProgress();
    };
    this.#cancelTimer = clock.setTimer(progressMs, wake, { keepsProcessAlive: false });
  }

  #send(answer: Omit<WatchAnswerSent, "header">): void {
    const { header } = this.#store;
    this.#call.send(encodeFrame({ ...answer, header }, encodeWatchAnswer));
  }
}
