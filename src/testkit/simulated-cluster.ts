import type { Clock } from "../clock.ts";
import { StoreError, StoreUnavailableError } from "../errors.ts";
import type { Etcd, Watch, WatchObserver, WatchRequest } from "../etcd/api.ts";
import { EmbeddedEtcd, type StoreSnapshot } from "../etcd/embedded/embedded-etcd.ts";
import { ClusterMember, type MemberCall } from "./cluster-member.ts";
import { MemberWatch } from "./member-watch.ts";
import { StaleLeader } from "./stale-leader.ts";

/** How a cluster is set up. */
export interface ClusterOptions {
  /** What leases are timed by. */
  readonly clock: Clock;
  /** How many members there are. @default 3 */
  readonly members?: number | undefined;
  /** How many of the latest revisions can still be read and watched. @default 10_000 */
  readonly historyLimit?: number | undefined;
  /** How much longer than their TTL leases live after an election, in milliseconds. @default 1_000 */
  readonly electionMs?: number | undefined;
}

/** All that a cluster held at one moment, to restore it later. */
export interface Snapshot {
  /** The revision of the last write. */
  readonly revision: bigint;
  /** @internal */
  readonly store: StoreSnapshot;
}

/**
 * An etcd cluster in this process, to which happens what happens to real ones: leaders are elected,
 * stall and come back, members restart, histories are compacted, snapshots are restored.
 *
 * ```ts
 * const clock = new SimulatedClock();
 * const cluster = new SimulatedCluster({ clock });
 * const locks = await connect({ store: cluster, clock });
 * cluster.elect();
 * ```
 *
 * What it does in these cases was measured on etcd 3.4 and 3.5. It is a store itself, by way of its
 * first member; `members` are all ways to it. Nothing happens by itself but the end of leases.
 */
export class SimulatedCluster implements Etcd {
  /** The members, as one client each reaches them: for a `SimulatedNetwork`. */
  readonly members: readonly Etcd[];
  /** Whether the disk is full: what writes is refused, while deletions, keepalives and expiry go on. */
  isFull = false;
  readonly #options: ClusterOptions;
  readonly #waiting = new Set<() => void>();
  readonly #watches = new Set<MemberWatch>();
  #store: EmbeddedEtcd;
  #leader = 0;
  #stale: StaleLeader | undefined;
  #isDown = false;

  constructor(options: ClusterOptions) {
    const { clock, members = 3, historyLimit } = options;
    this.#options = options;
    this.#store = new EmbeddedEtcd({ clock, historyLimit });
    this.members = Array.from(
      { length: members },
      (_, index) =>
        new ClusterMember({
          carry: (call, send) => this.#carry(index, call, send),
          watch: (request, observer) => this.#watch(index, request, observer),
        }),
    );
  }

  /** Which of `members` leads, by its index. A leader that stalls goes on to do so until an election. */
  get leader(): number {
    return this.#leader;
  }

  /** Whether a member stalls that leads, or did so before it stalled. */
  get isStalled(): boolean {
    return this.#stale !== undefined;
  }

  /** The store behind it, which answers at once, whatever happens to the cluster. */
  get store(): EmbeddedEtcd {
    return this.#store;
  }

  /** How many keys, leases and watches there are: for tests that look for what was left behind. */
  get counts(): { readonly keys: number; readonly leases: number; readonly watches: number } {
    const { keyCount, leaseCount } = this.#store;
    return { keys: keyCount, leases: leaseCount, watches: this.#watches.size };
  }

  /**
   * Another member is elected. The term of all answers is one more, and all leases begin anew, since
   * a new leader does not know when they were renewed.
   */
  elect(): void {
    const { electionMs = 1_000 } = this.#options;
    this.#leader = (this.#leader + 1) % this.members.length;
    // A member that stalls is elected by nobody.
    if (this.#leader === this.#stale?.member && this.members.length > 1) {
      this.#leader = (this.#leader + 1) % this.members.length;
    }
    this.#store.elect(electionMs);
    this.#stale?.depose();
    this.#goOn();
  }

  /**
   * The leader stops, as by SIGSTOP or a slow disk. Nobody is answered, and no lease ends, until
   * another one is elected, or this one resumes. What is asked meanwhile is carried out then.
   */
  stallLeader(): void {
    if (this.#stale || this.#isDown) return;
    this.#stale = new StaleLeader(this.#leader, this.#store.leases, this.#store.header.raftTerm);
    this.#store.loseLeader();
  }

  /**
   * The member that stalled goes on. If another one leads by now, it does what old leaders do: it
   * answers the keepalives in its queue with its old term and renews nothing, and it ends the leases
   * that are over by what it last knew, though they were renewed since.
   *
   * @param keeps which of those it spares all the same, as it does at random @default none
   */
  resume(keeps: (lease: bigint) => boolean = () => false): void {
    const stale = this.#stale;
    if (!stale) return;
    this.#stale = undefined;
    if (!stale.isDeposed) {
      // It still leads, but its leases begin anew as if it had been elected.
      this.#store.elect(0);
    } else {
      for (const lease of stale.overdue(this.#options.clock.now())) {
        if (!keeps(lease)) void this.#store.leaseRevoke(lease).catch(() => {});
      }
    }
    for (const watch of this.#watches) watch.goOn();
    this.#goOn();
  }

  /** Ends a lease as if its time was over. Does nothing if it is over. */
  expire(lease: bigint): void {
    void this.#store.leaseRevoke(lease).catch(() => {});
  }

  /** Forgets all that was overwritten or deleted before the present revision. Open watches go on. */
  compactHistory(): void {
    const { revision } = this.#store.header;
    void this.#store.compact(revision).catch(() => {});
  }

  /** All members stop. Nothing is answered, and no lease ends, until `start`. */
  stop(): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#stale = undefined;
    this.#store.loseLeader();
    for (const watch of this.#watches) watch.pause();
    this.#goOn();
  }

  /** All members start again, with their data. Leases begin anew, and watches go on where they were. */
  start(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#store.elect(this.#options.electionMs ?? 1_000);
    for (const watch of this.#watches) watch.open(this.#store);
  }

  /** All that there is now. */
  snapshot(): Snapshot {
    return { revision: this.#store.header.revision, store: this.#store.snapshot() };
  }

  /**
   * The cluster is made anew from a snapshot, as an operator does after a disaster. Its revision and
   * its term go back, what was deleted since is there again, leases too, and begin anew; watches go
   * on at the revision where they were, and hear nothing before the new one gets there.
   */
  restore(snapshot: Snapshot): void {
    const { store } = snapshot;
    this.stop();
    const { clock, historyLimit } = this.#options;
    void this.#store.close();
    this.#store = new EmbeddedEtcd({ clock, historyLimit, snapshot: store });
    this.start();
  }

  txn: Etcd["txn"] = (request, options) => this.#first.txn(request, options);
  compact: Etcd["compact"] = (revision, options) => this.#first.compact(revision, options);
  leaseGrant: Etcd["leaseGrant"] = (request, options) => this.#first.leaseGrant(request, options);
  leaseKeepAlive: Etcd["leaseKeepAlive"] = (id, options) => this.#first.leaseKeepAlive(id, options);
  leaseRevoke: Etcd["leaseRevoke"] = (id, options) => this.#first.leaseRevoke(id, options);
  leaseTimeToLive: Etcd["leaseTimeToLive"] = (request, options) =>
    this.#first.leaseTimeToLive(request, options);
  watch: Etcd["watch"] = (request, observer) => this.#first.watch(request, observer);

  /** Ends it for good. */
  async close(): Promise<void> {
    await this.#store.close();
  }

  get #first(): Etcd {
    return this.members[0] as Etcd;
  }

  async #carry<T>(member: number, call: MemberCall, send: (etcd: Etcd) => Promise<T>): Promise<T> {
    if (this.#isDown) throw down();
    const { name } = call;
    const stale = this.#stale;
    // A keepalive is the leader's to answer, and so is passed on to it.
    const isQueued = stale && (stale.member === member || !stale.isDeposed);
    if (isQueued && name === "leaseKeepAlive") {
      await this.#until(() => this.#stale !== stale);
      if (this.#isDown) throw down();
      if (stale.isDeposed) return stale.answer(this.#store.header, call.lease) as T;
    } else if (isQueued) {
      await this.#until(
        () => this.#stale !== stale || (stale.isDeposed && stale.member !== member),
      );
      if (this.#isDown) throw down();
    }
    if (this.isFull && call.writes) {
      throw new StoreError("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded", {
        code: "STORE_FULL",
      });
    }
    return send(this.#store);
  }

  #watch(member: number, request: WatchRequest, observer: WatchObserver): Watch {
    const watch = new MemberWatch(request, observer, {
      isHeld: () => this.#stale?.member === member,
      onClosed: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    if (!this.#isDown) watch.open(this.#store);
    return watch;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.#isDown) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Whoever waits looks whether it can go on. */
  #goOn(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const goOn of waiting) goOn();
  }
}

function down(): StoreUnavailableError {
  return new StoreUnavailableError("The cluster is down");
}
