import type { Clock } from "../clock.ts";
import { textOf } from "../core/keys.ts";
import { entriesOf } from "../core/queue-requests.ts";
import { steadyWatch } from "../core/steady-watch.ts";
import { ClosedError } from "../errors.ts";
import type { Etcd, KeyRange, KeyValue, Watch, WatchEvent } from "../etcd/api.ts";
import type { LockListener } from "./backend.ts";

// How long to wait for one look, and then until the next if it failed.
const lookTimeoutMs = 1_000;
const retryMs = 1_000;

/**
 * Follows a queue, and tells when its first place changes hands.
 *
 * It tells of what happens after it has come to stand. When it lost sight of the queue for
 * a while, it looks at the present state and tells the difference, if there is any: a lock
 * that was handed on several times meanwhile has changed hands once.
 */
export class QueueWatch {
  /** Resolves when it stands, or soon if that takes too long. It never rejects. */
  readonly standing: Promise<void>;

  readonly #etcd: Etcd;
  readonly #clock: Clock;
  readonly #range: KeyRange;
  readonly #listener: LockListener;
  readonly #watch: Watch;
  readonly #closing = new AbortController();
  #stand: () => void = () => {};
  /** The create revisions by key, first come first. Undefined until the queue was seen. */
  #queue: Map<string, bigint> | undefined;
  /** What happened since the watch stands, while the look that comes first is under way. */
  #pending: WatchEvent[] | undefined;
  #looks = 0;
  #cancelRetry: () => void = () => {};

  constructor(etcd: Etcd, clock: Clock, range: KeyRange, listener: LockListener) {
    this.#etcd = etcd;
    this.#clock = clock;
    this.#range = range;
    this.#listener = listener;
    this.standing = new Promise((resolve) => {
      const cancel = clock.setTimer(lookTimeoutMs, resolve, { keepsProcessAlive: false });
      this.#stand = () => {
        cancel();
        resolve();
      };
    });
    this.#watch = steadyWatch(etcd, clock, range, {
      onStanding: (_revision, gapless) => {
        if (!gapless) void this.#look();
      },
      onEvents: (events) => {
        if (this.#pending) this.#pending.push(...events);
        else if (this.#queue) this.#tell([first(this.#queue), ...follow(this.#queue, events)]);
      },
      onRefused: (error) => this.#refused(error),
    });
  }

  /** Ends it: nothing is told afterwards, and nothing is left. Closing twice does nothing. */
  close(): void {
    this.#closing.abort();
    this.#cancelRetry();
    this.#stand();
    this.#watch.close();
  }

  async #look(): Promise<void> {
    this.#cancelRetry();
    this.#looks += 1;
    const look = this.#looks;
    this.#pending = [];
    const found = await this.#read();
    if (look !== this.#looks || this.#closing.signal.aborted) return;
    if (found instanceof ClosedError) {
      this.#stand();
    } else if (found instanceof Error) {
      // The watch stands, and would not say so again. So look again.
      this.#cancelRetry = this.#clock.setTimer(retryMs, () => void this.#look(), {
        keepsProcessAlive: false,
      });
      this.#refused(found);
    } else {
      this.#seen(found.kvs, found.revision);
    }
  }

  async #read(): Promise<{ kvs: readonly KeyValue[]; revision: bigint } | Error> {
    const sort = { by: "createRevision", order: "ascending" } as const;
    const request = { ...this.#range, sort, keysOnly: true };
    try {
      const { header, responses } = await this.#etcd.txn(
        { success: [{ op: "range", request }] },
        { signal: this.#closing.signal, timeoutMs: lookTimeoutMs, keepsProcessAlive: false },
      );
      return { kvs: entriesOf(responses[0]), revision: header.revision };
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #seen(kvs: readonly KeyValue[], revision: bigint): void {
    const before = this.#queue;
    const now = new Map(kvs.map((kv) => [textOf(kv.key), kv.createRevision]));
    const later = (this.#pending ?? []).filter(({ kv }) => kv.modRevision > revision);
    this.#queue = now;
    this.#pending = undefined;
    this.#stand();
    // At first there is nothing to compare with.
    this.#tell([before ? first(before) : first(now), first(now), ...follow(now, later)]);
  }

  /** Tells of the changes in a row of holders, each of whom may be nobody. */
  #tell(holders: readonly (bigint | undefined)[]): void {
    for (const [index, holder] of holders.entries()) {
      const before = index === 0 ? holder : holders[index - 1];
      if (before === holder) continue;
      if (before !== undefined && !this.#closing.signal.aborted) this.#listener.onUnlocked();
      if (holder !== undefined && !this.#closing.signal.aborted) this.#listener.onLocked();
    }
  }

  #refused(error: Error): void {
    this.#stand();
    this.#listener.onError(error);
  }
}

/**
 * Brings a queue up to date, and returns who had the lock after each revision: what one
 * transaction does happens at once, so only the state after it counts.
 *
 * A map keeps the order in which keys came, which is the order of their create revisions,
 * and a key that is written again keeps its place.
 */
function follow(
  queue: Map<string, bigint>,
  events: readonly WatchEvent[],
): readonly (bigint | undefined)[] {
  const holders: (bigint | undefined)[] = [];
  for (const [index, { type, kv }] of events.entries()) {
    const key = textOf(kv.key);
    if (type === "delete") queue.delete(key);
    else queue.set(key, kv.createRevision);
    if (events[index + 1]?.kv.modRevision !== kv.modRevision) holders.push(first(queue));
  }
  return holders;
}

/** Who has the lock: the create revision tells holders apart, even if they use the same key. */
function first(queue: Map<string, bigint>): bigint | undefined {
  return queue.values().next().value;
}
