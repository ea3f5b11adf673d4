import assert from "node:assert/strict";
import { CompactedError, MicrolockError, StoreError } from "../../src/errors.ts";
import type { Etcd, LeaseTimeToLiveResponse, RequestOp, WatchEvent } from "../../src/etcd/api.ts";
import { RecordedWatch } from "./contract/recorded-watch.ts";
import { leaseCount, opsIn, resolveTxn, type Step } from "./random-requests.ts";

const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };

interface WatchPair {
  readonly model: RecordedWatch;
  readonly real: RecordedWatch;
  readonly isFromPast: boolean;
}

/**
 * Two stores that are asked the same from their first revision on, and must answer the same:
 * a model that answers at once, and the real one, which nobody else may write to.
 */
export class Lockstep {
  readonly #model: Etcd;
  readonly #real: Etcd;
  #watches: WatchPair[] = [];
  #sequences = 0n;
  #compactRevision = 0n;
  /** Revisions at which a compaction may kill etcd. */
  readonly #fragile = new Set<bigint>();
  /** How many answers were compared. */
  answers = 0;
  /** How many events were compared. */
  events = 0;

  constructor(model: Etcd, real: Etcd) {
    this.#model = model;
    this.#real = real;
  }

  /** Asks both all of a sequence, beginning with no keys and no leases. */
  async run(steps: readonly Step[]): Promise<void> {
    await this.#reset();
    try {
      for (const step of steps) await this.#take(step);
      await this.#compareWatches();
    } finally {
      for (const { model, real } of this.#watches.splice(0)) {
        model.close();
        real.close();
      }
    }
  }

  async #take(step: Step): Promise<void> {
    const { revision } = (await this.#model.txn({})).header;
    const leaseId = (lease: bigint): bigint => this.#leaseId(lease);
    switch (step.do) {
      case "txn": {
        const request = resolveTxn(step.request, { revision, leaseId });
        const ops = new Set(opsIn(request).map(({ op }) => op));
        // A key that is put after its deletion at one revision is too much for a compaction at
        // that very revision: etcd 3.5.30 then loses the put, and dies when somebody reads it.
        if (ops.has("deleteRange") && ops.has("put")) this.#fragile.add(revision + 1n);
        return this.#both((etcd) => etcd.txn(request));
      }
      case "compact":
        return this.#compact(revision + step.revision, revision);
      case "grant":
        return this.#both((etcd) => etcd.leaseGrant({ id: leaseId(step.lease), ttl: step.ttl }));
      case "revoke":
        return this.#both((etcd) => etcd.leaseRevoke(leaseId(step.lease)));
      case "keepAlive":
        return this.#both((etcd) => etcd.leaseKeepAlive(leaseId(step.lease)));
      case "timeToLive":
        return this.#both((etcd) => etcd.leaseTimeToLive({ id: leaseId(step.lease), keys: true }));
      case "watch":
        return this.#watch(step, undefined);
      case "watchFrom": {
        const from = revision + step.revision;
        // Etcd before 3.4.36 and 3.5.18 loses deletions at the very revision of a compaction.
        return this.#watch(step, from === this.#compactRevision ? from + 1n : from);
      }
    }
  }

  #leaseId(lease: bigint): bigint {
    return lease === 0n ? 0n : 0x1234_5678_0000_0000n + this.#sequences * 16n + lease;
  }

  async #both(ask: (etcd: Etcd) => Promise<object>): Promise<void> {
    const [model, real] = await Promise.all([outcome(ask(this.#model)), outcome(ask(this.#real))]);
    this.answers++;
    assert.deepStrictEqual(model, real, "the model's answer is not the real one");
  }

  async #compact(target: bigint, present: bigint): Promise<void> {
    // Etcd may not have served watches of the past yet, and would end them now.
    if (this.#fragile.has(target) || this.#watches.some(({ isFromPast }) => isFromPast)) return;
    await this.#catchUp();
    await this.#both((etcd) => etcd.compact(target));
    if (target <= present && target > this.#compactRevision) this.#compactRevision = target;
  }

  async #watch(
    { range, prevKv }: Extract<Step, { do: "watch" | "watchFrom" }>,
    startRevision: bigint | undefined,
  ): Promise<void> {
    const request = { ...range, prevKv, startRevision };
    const model = new RecordedWatch(this.#model, request);
    const real = new RecordedWatch(this.#real, request);
    const isFromPast = startRevision !== undefined;
    this.#watches.push({ model, real, isFromPast });
    const [modelStart, realStart] = await Promise.all([started(model), started(real)]);
    assert.deepStrictEqual(modelStart, realStart, "the model's watch begins otherwise");
  }

  /** Waits until the real store has told as much as the model. */
  async #catchUp(): Promise<void> {
    for (const { model, real } of this.#watches) {
      if (model.errors.length > 0) await real.ended();
      else await real.have(model.events.length);
    }
  }

  async #compareWatches(): Promise<void> {
    await this.#catchUp();
    for (const { model, real } of this.#watches) {
      assert.deepStrictEqual(told(model), told(real), "the model's watch tells otherwise");
      this.events += real.events.length;
    }
  }

  /** Deletes all keys and leases, and brings both to one revision after a sequence that failed. */
  async #reset(): Promise<void> {
    const deleteAll: RequestOp = { op: "deleteRange", request: everything };
    const stores = [this.#model, this.#real];
    const revisions: bigint[] = [];
    for (const etcd of stores) {
      for (let lease = 1n; lease <= leaseCount; lease++) {
        if (this.#sequences > 0n) await outcome(etcd.leaseRevoke(this.#leaseId(lease)));
      }
      revisions.push((await etcd.txn({ success: [deleteAll] })).header.revision);
    }
    this.#sequences++;
    const [model = 0n, real = 0n] = revisions;
    if (model === real) return;

    const touch: RequestOp = { op: "put", request: { key: everything.key, value: everything.key } };
    const behind = model < real ? this.#model : this.#real;
    const missing = model < real ? real - model : model - real;
    for (let i = 0n; i < missing; i++) await behind.txn({ success: [touch] });
    for (const etcd of stores) {
      await etcd.txn({ success: [touch] });
      this.#compactRevision = (await etcd.txn({ success: [deleteAll] })).header.revision;
      await etcd.compact(this.#compactRevision);
    }
  }
}

/** What must be the same of an answer, or of a refusal. */
async function outcome(answer: Promise<object>): Promise<unknown> {
  try {
    return comparable(await answer);
  } catch (error) {
    if (!(error instanceof MicrolockError)) throw error;
    return describeError(error);
  }
}

function comparable(answer: object): object {
  const { header, ...rest } = answer as { header: { revision: bigint } };
  const { revision } = header;
  if (!("grantedTtl" in rest)) return { revision, ...rest };
  const { ttl, keys, ...lease } = rest as unknown as LeaseTimeToLiveResponse;
  // The seconds that are left may be counted a moment apart, and etcd lists keys in any order.
  const isPlausible = ttl <= lease.grantedTtl && ttl >= lease.grantedTtl - 10n;
  const sorted = keys.map((key) => Buffer.from(key).toString("latin1")).sort();
  return { revision, ...lease, ttl: isPlausible && ttl > 0n ? "nearly all" : ttl, keys: sorted };
}

function describeError(error: Error): object {
  return {
    refused: error.name,
    message: error.message,
    ...(error instanceof StoreError && { status: error.status, code: error.code }),
    ...(error instanceof CompactedError && { compactRevision: error.compactRevision }),
  };
}

/** The revision at which a watch came to stand, or why it did not. */
async function started(watch: RecordedWatch): Promise<unknown> {
  return watch.standing().catch(describeError);
}

function told(watch: RecordedWatch): { events: readonly WatchEvent[]; errors: object[] } {
  return { events: watch.events, errors: watch.errors.map(describeError) };
}
