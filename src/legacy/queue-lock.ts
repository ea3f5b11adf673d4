import { hostname } from "node:os";
import { type Clock, within } from "../clock.ts";
import { entryOf, holderOf } from "../core/entry.ts";
import { bytesOf, prefixRange, textOf } from "../core/keys.ts";
import { randomLeaseId } from "../core/lease-id.ts";
import { countOf, entriesOf, firstIn, isEmpty } from "../core/queue-requests.ts";
import { throughConsensus } from "../core/through-consensus.ts";
import { AlreadyLockedError, LockNotOwnedError, StoreUnavailableError } from "../errors.ts";
import type {
  Etcd,
  KeyRange,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "../etcd/api.ts";
import type { LockBackend, LockListener } from "./backend.ts";
import { ownEntry, type QueueEntry, queueEntryValue, stillThere, withTtl } from "./queue-entry.ts";
import { QueueWatch } from "./queue-watch.ts";
import { type Granted, RetryingEtcd } from "./retrying-etcd.ts";

/** What `lock`, `unlock` and `renew` of the 1.x class resolve with on etcd v3. */
export interface QueueLockAnswer {
  /** The lock's key in etcd. It stays the same when the lock is renewed. */
  readonly key: string;
  /** Larger than that of every earlier holder. Send it along to whatever the lock protects. */
  readonly fencingToken: bigint;
}

/** What a lock in a queue is made of. */
export interface QueueLockOptions {
  readonly etcd: Etcd;
  readonly clock: Clock;
  /** What all keys in the queue begin with, the slash at the end included. */
  readonly prefix: string;
  /** The name of the lock, as errors show it. */
  readonly name: string;
  readonly nodeId: string;
  /** In whole seconds. */
  readonly ttl: number;
}

// How long one call keeps asking when etcd does not answer.
const callTimeoutMs = 5_000;
// How long a call waits for the watch to stand.
const standingMs = 1_000;

/**
 * The 1.x lock as an entry in the queue that all primitives share, with Go and etcdctl. It
 * does not wait, so it gets in only while nobody stands in the queue at all.
 *
 * Every entry hangs on a lease of its own, which nobody keeps alive but `renew`. The entry
 * belongs to the node id in its value: any object with that id may unlock and renew it.
 */
export class QueueLock implements LockBackend<QueueLockAnswer> {
  readonly #options: QueueLockOptions;
  readonly #etcd: RetryingEtcd;
  readonly #range: KeyRange;
  #watch: QueueWatch | undefined;

  constructor(options: QueueLockOptions) {
    this.#options = options;
    this.#etcd = new RetryingEtcd(options.etcd, options.clock);
    this.#range = prefixRange(options.prefix);
  }

  async lock(): Promise<QueueLockAnswer> {
    const giveUpAt = this.#giveUpAt();
    // Most who do not wait come in vain. So look first: a refusal then costs one read, and
    // leaves nothing even if this process dies. Only the transaction below decides.
    const { responses } = await this.#begin([firstIn(this.#range)], giveUpAt);
    this.#refuseIfTaken(responses[0]);

    // An id of our own, so that the lease can be ended even if its grant got no answer.
    const id = randomLeaseId();
    try {
      const lease = await this.#etcd.grant(id, BigInt(this.#options.ttl), giveUpAt);
      return await this.#enter(lease, giveUpAt);
    } catch (error) {
      // It takes the entry along, even if the request to write it is still under way.
      await this.#etcd.revoke(id);
      throw error;
    }
  }

  async unlock(): Promise<QueueLockAnswer> {
    const giveUpAt = this.#giveUpAt();
    const entry = await this.#own(giveUpAt);
    const { key } = entry;
    const { succeeded, responses, repeated } = await this.#etcd.txn(
      {
        compare: [stillThere(entry)],
        success: [{ op: "deleteRange", request: { key, prevKv: true } }],
      },
      giveUpAt,
    );
    // It was ours when we looked. If an attempt then got no answer, most likely it was the
    // one that deleted it.
    if (!succeeded && !repeated) throw this.#notOwned();
    // Somebody with our id may have moved it to another lease since we looked.
    const [deleted] = responses;
    const last = deleted?.op === "deleteRange" ? deleted.response.prevKvs[0] : undefined;
    await this.#etcd.revoke(last?.lease ?? entry.lease);
    return answer(entry);
  }

  async renew(): Promise<QueueLockAnswer> {
    const giveUpAt = this.#giveUpAt();
    let tried: bigint | undefined;
    for (;;) {
      const entry = await this.#own(giveUpAt);
      // The very same entry could not be renewed a moment ago: its lease has run out.
      if (entry.modRevision === tried) throw this.#notOwned();
      const renewed =
        entry.ttl === this.#options.ttl
          ? await this.#keepAlive(entry, giveUpAt)
          : await this.#moveToNewLease(entry, giveUpAt);
      if (renewed) return answer(entry);
      // It is gone, or somebody with our id renewed it meanwhile. So look again.
      tried = entry.modRevision;
    }
  }

  watch(listener: LockListener): () => void {
    const { etcd, clock } = this.#options;
    const watch = new QueueWatch(etcd, clock, this.#range, listener);
    this.#watch = watch;
    return () => watch.close();
  }

  async #enter(lease: Granted, giveUpAt: number): Promise<QueueLockAnswer> {
    const { prefix, nodeId, ttl, clock } = this.#options;
    const key = `${prefix}${lease.id.toString(16)}-1`;
    const since = new Date(clock.wallTime()).toISOString();
    const value = queueEntryValue({ nodeId, host: hostname(), pid: process.pid, since, ttl });
    const put = { key: bytesOf(key), value, lease: lease.id };

    const response = await this.#whileItLives(lease, giveUpAt, {
      compare: [isEmpty(this.#range)],
      success: [{ op: "put", request: put }],
      failure: [firstIn(this.#range)],
    });
    if (response.succeeded) return { key, fencingToken: response.header.revision };

    // If it is we who stand there, an earlier attempt went through and its answer was lost.
    const first = entriesOf(response.responses[0])[0];
    if (first && textOf(first.key) === key) return { key, fencingToken: first.createRevision };
    this.#refuseIfTaken(response.responses[0]);
    // Nobody stands there now, though somebody did a moment ago.
    throw new AlreadyLockedError(this.#options.name);
  }

  /** Whether the entry is there for another ttl from now. */
  async #keepAlive(entry: QueueEntry, giveUpAt: number): Promise<boolean> {
    if (!(await this.#etcd.keepAlive(entry.lease, giveUpAt))) return false;
    // A leader whose time is over may answer a keepalive as well. And the key can be gone
    // though its lease lives. So the whole cluster has the last word.
    const { succeeded } = await this.#etcd.txn(
      {
        compare: [
          stillThere(entry),
          { key: entry.key, target: "lease", result: "equal", operand: entry.lease },
        ],
        success: [throughConsensus(this.#range.key)],
      },
      giveUpAt,
    );
    return succeeded;
  }

  /** Whether the entry hangs on a lease of our ttl now. Its create revision stays. */
  async #moveToNewLease(entry: QueueEntry, giveUpAt: number): Promise<boolean> {
    const { key, modRevision } = entry;
    const { ttl } = this.#options;
    const id = randomLeaseId();
    let moved = false;
    try {
      const lease = await this.#etcd.grant(id, BigInt(ttl), giveUpAt);
      const { succeeded, responses } = await this.#whileItLives(lease, giveUpAt, {
        compare: [
          stillThere(entry),
          { key, target: "modRevision", result: "equal", operand: modRevision },
        ],
        success: [{ op: "put", request: { key, value: withTtl(entry, ttl), lease: id } }],
        failure: [{ op: "range", request: { key } }],
      });
      // If it hangs on the new lease already, an earlier attempt's answer was lost.
      moved = succeeded || entriesOf(responses[0])[0]?.lease === id;
      return moved;
    } finally {
      await this.#etcd.revoke(moved ? entry.lease : id);
    }
  }

  /** Binds something to a lease. What is answered too late for that may be over already. */
  async #whileItLives(lease: Granted, giveUpAt: number, request: TxnRequest): Promise<TxnResponse> {
    const response = await this.#etcd.txn(request, Math.min(giveUpAt, lease.livesUntil));
    if (this.#options.clock.now() < lease.livesUntil) return response;
    throw new StoreUnavailableError(
      `Lock "${this.#options.name}" ran out before etcd had answered: is its ttl too short?`,
    );
  }

  /** The first in the queue, if this node has the lock by it. */
  async #own(giveUpAt: number): Promise<QueueEntry> {
    const ask = [firstIn(this.#range), throughConsensus(this.#range.key)];
    const { responses } = await this.#begin(ask, giveUpAt);
    const entry = ownEntry(entriesOf(responses[0])[0], this.#options.nodeId);
    if (!entry) throw this.#notOwned();
    return entry;
  }

  async #begin(success: readonly RequestOp[], giveUpAt: number): Promise<TxnResponse> {
    const [response] = await Promise.all([
      this.#etcd.txn({ success }, giveUpAt),
      // So that no change of ours happens before whoever listens can see it. The watch by
      // itself would let the process end meanwhile.
      this.#watch && within(this.#options.clock, standingMs, this.#watch.standing),
    ]);
    return response;
  }

  #refuseIfTaken(response: ResponseOp | undefined): void {
    const [first] = entriesOf(response);
    if (!first) return;
    const waiters = countOf(response) - 1;
    throw new AlreadyLockedError(this.#options.name, {
      holder: holderOf(entryOf(this.#options.prefix, first)),
      waiters,
    });
  }

  #notOwned(): LockNotOwnedError {
    return new LockNotOwnedError(this.#options.name, this.#options.nodeId);
  }

  #giveUpAt(): number {
    return this.#options.clock.now() + callTimeoutMs;
  }
}

function answer({ key, createRevision }: QueueEntry): QueueLockAnswer {
  return { key: textOf(key), fencingToken: createRevision };
}
