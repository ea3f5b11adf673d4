import { connect } from "../../src/connect.ts";
import { textOf } from "../../src/core/keys.ts";
import type { KeyValue } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import type { Entry } from "../../src/testkit/history/server-side.ts";
import type { SimulatedClock } from "../../src/testkit/simulated-clock.ts";
import type { SimulatedCluster } from "../../src/testkit/simulated-cluster.ts";
import type { Removal } from "./clipped.ts";

// What keeps others out beside a hold is promised to do so only while nobody takes it away.
const entryKey = /^microlock\/(?!%session)[^/]+\/(?!kept|read\/kept|write\/kept|latch)/;
/** Takes away what clients have, by ways that nothing disturbs, and remembers what it was. */
export class Administrator {
  readonly #cluster: SimulatedCluster;
  readonly #clock: SimulatedClock;
  readonly #locks: Locks | undefined;
  readonly #removals: Removal[] = [];
  /** The holds that it wanted back, and since when. */
  readonly wantedBack: Removal[] = [];

  private constructor(cluster: SimulatedCluster, clock: SimulatedClock, locks: Locks | undefined) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#locks = locks;
  }

  /** With a client of ours only if that is needed: it has a session of its own. */
  static async open(
    cluster: SimulatedCluster,
    clock: SimulatedClock,
    { forcesReleases }: { readonly forcesReleases: boolean },
  ): Promise<Administrator> {
    const locks = forcesReleases ? await connect({ store: cluster.store, clock }) : undefined;
    return new Administrator(cluster, clock, locks);
  }

  /** All that was taken away by force, when it went by what a witness has seen. */
  removals(entries: readonly Entry[]): readonly Removal[] {
    const wantedBack = new Set(this.wantedBack.map(({ token }) => token));
    const givenBack = entries
      .map(({ token, seenRemovedAt }) => ({ token: String(token), at: seenRemovedAt }))
      .filter(({ token }) => wantedBack.has(token));
    return [...this.#removals, ...givenBack].toSorted((a, b) => a.at - b.at);
  }

  /** Does something to the store of which no client can know beforehand. Returns what went by that. */
  byForce(deed: () => void): readonly Removal[] {
    const idOf = ({ key, createRevision }: KeyValue): string => `${textOf(key)} ${createRevision}`;
    const before = this.#keys();
    deed();
    const after = new Set(this.#keys().map(idOf));
    const removals = before
      .filter((kv) => !after.has(idOf(kv)))
      .map(({ createRevision }) => ({ token: String(createRevision), at: this.#clock.now() }));
    this.#removals.push(...removals);
    return removals;
  }

  deleteKey(index: number): void {
    const key = one(
      this.#keys().filter(({ key }) => entryKey.test(textOf(key))),
      index,
    )?.key;
    if (!key) return;
    this.byForce(() => {
      void this.#cluster.store.txn({ success: [{ op: "deleteRange", request: { key } }] });
    });
  }

  endSession(index: number): void {
    const sessions = this.#keys().filter(({ key }) => textOf(key).includes("%session"));
    this.byForce(() => this.#cluster.expire(one(sessions, index)?.lease ?? 0n));
  }

  /** Wants one of the locks back from whoever holds it. */
  forceRelease(index: number): void {
    const name = one(["x", "y", "z"], index) as string;
    const options = { reason: "it is wanted elsewhere", graceMs: 1_000 };
    const at = this.#clock.now();
    void this.#locks?.forceRelease(name, options).then(
      (holders) => {
        this.wantedBack.push(
          ...holders.map(({ fencingToken }) => ({ token: String(fencingToken), at })),
        );
      },
      // The end of the run comes first.
      () => {},
    );
  }

  async close(): Promise<void> {
    await this.#locks?.close();
  }

  #keys(): readonly KeyValue[] {
    return this.#cluster.store.snapshot().keyspace.kvs;
  }
}

function one<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(items.length, 1)];
}
