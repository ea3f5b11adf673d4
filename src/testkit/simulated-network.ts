import type { Clock } from "../clock.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { CallOptions, Etcd, Watch, WatchObserver, WatchRequest } from "../etcd/api.ts";
import { onAbort } from "../signals.ts";
import { drawPassage, type Passage } from "./passage.ts";
import { type Random, seededRandom } from "./random.ts";
import { SimulatedWatch } from "./simulated-watch.ts";

/** How a network is set up. */
export interface NetworkOptions {
  /** The clock of the world, by which messages travel. */
  readonly clock: Clock;
  /** That of the client's process: what it is told waits while it is stopped. @default `clock` */
  readonly process?: Clock | undefined;
  /** What delays, losses and the like are drawn by: a number that repeats them, or what draws numbers. @default 1 */
  readonly seed?: number | Random | undefined;
  /** How often something goes wrong with a request, from 0 to 1. @default 0 */
  readonly faultRate?: number | undefined;
  /** The longest that a message travels, in milliseconds. @default 10 */
  readonly latencyMs?: number | undefined;
  /** How much longer a reply may travel than that, in milliseconds. @default 0 */
  readonly slowMs?: number | undefined;
  /** The longest that a request may be late if it is, in milliseconds: etcd's own limit is 7 s. @default 7_000 */
  readonly lateMs?: number | undefined;
}

type Call = Exclude<keyof Etcd, "watch" | "close">;

/**
 * The way of one client to the store: `connect({ store: network, clock })`.
 *
 * It delays each request and each reply by a time of its own, so that they overtake each other. A
 * request with which something goes wrong is lost, or its reply is, or it is carried out twice, or
 * seconds late, long after the client has given it up. What a watch has to tell is told in order.
 */
export class SimulatedNetwork implements Etcd {
  /** How often something goes wrong with a request, from 0 to 1. */
  faultRate: number;
  /** How much longer than requests replies may travel, in milliseconds. */
  slowMs: number;
  /** From now on no request arrives, until it is false again. */
  cutRequests = false;
  /** From now on no watch hears of what happens, as with an old server, and never will of that. */
  deaf = false;
  readonly #members: readonly Etcd[];
  readonly #world: Clock;
  readonly #process: Clock;
  readonly #random: Random;
  readonly #latencyMs: number;
  readonly #lateMs: number;
  readonly #watches = new Set<SimulatedWatch>();
  #cutReplies = false;
  #member = 0;
  /** Keepalives have a connection of their own. */
  #keepAliveMember = 0;
  #isGone = false;

  /** `store` is where it leads; of several members of a cluster, one, and the next when that does not answer. */
  constructor(store: Etcd | readonly Etcd[], options: NetworkOptions) {
    const { clock, process = clock, seed = 1 } = options;
    this.#members = Array.isArray(store) ? store : [store as Etcd];
    this.#world = clock;
    this.#process = process;
    this.#random = typeof seed === "number" ? seededRandom(seed) : seed;
    this.faultRate = options.faultRate ?? 0;
    this.#latencyMs = options.latencyMs ?? 10;
    this.slowMs = options.slowMs ?? 0;
    this.#lateMs = options.lateMs ?? 7_000;
    if (this.#members.length > 1) {
      this.#member = Math.floor(this.#random() * this.#members.length);
      this.#keepAliveMember = Math.floor(this.#random() * this.#members.length);
    }
  }

  /**
   * From now on no reply arrives, until it is false again; those that arrive meanwhile are lost.
   * What watches have to tell waits.
   */
  get cutReplies(): boolean {
    return this.#cutReplies;
  }

  set cutReplies(isCut: boolean) {
    this.#cutReplies = isCut;
    if (!isCut) for (const watch of this.#watches) watch.goOn();
  }

  txn: Etcd["txn"] = (request, options) => this.#call("txn", (etcd) => etcd.txn(request), options);
  compact: Etcd["compact"] = (revision, options) =>
    this.#call("compact", (etcd) => etcd.compact(revision), options);
  leaseGrant: Etcd["leaseGrant"] = (request, options) =>
    this.#call("leaseGrant", (etcd) => etcd.leaseGrant(request), options);
  leaseKeepAlive: Etcd["leaseKeepAlive"] = (id, options) =>
    this.#call("leaseKeepAlive", (etcd) => etcd.leaseKeepAlive(id), options);
  leaseRevoke: Etcd["leaseRevoke"] = (id, options) =>
    this.#call("leaseRevoke", (etcd) => etcd.leaseRevoke(id), options);
  leaseTimeToLive: Etcd["leaseTimeToLive"] = (request, options) =>
    this.#call("leaseTimeToLive", (etcd) => etcd.leaseTimeToLive(request), options);

  watch(request: WatchRequest, observer: WatchObserver): Watch {
    const watch = new SimulatedWatch(request, observer, {
      delay: (tell) => this.#process.setTimer(this.#random() * this.#latencyMs * 2, tell),
      isOpen: () => !this.cutReplies && !this.#isGone,
      isDeaf: () => this.deaf,
      onClosed: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    if (!this.#isGone) watch.open(this.#etcd);
    return watch;
  }

  /** Does nothing: the store is not the client's. */
  async close(): Promise<void> {}

  /** From now on nothing gets through, either way, until `mend`. */
  cut(): void {
    this.cutRequests = true;
    this.cutReplies = true;
  }

  /** From now on all goes well. What was late stays under way. */
  mend(): void {
    this.faultRate = 0;
    this.slowMs = 0;
    this.cutRequests = false;
    this.cutReplies = false;
    this.deaf = false;
  }

  /** Ends all watches, as a compaction does with a `CompactedError`. */
  endWatches(error: Error): void {
    for (const watch of [...this.#watches]) watch.end(error);
  }

  /** Turns to the next member of the cluster, as a client does when one does not answer. */
  move(): void {
    this.#member = (this.#member + 1) % this.#members.length;
    if (this.#members.length < 2 || this.#isGone) return;
    for (const watch of this.#watches) watch.open(this.#etcd);
  }

  /** The client is no more: nothing gets through any more, either way. What it sent still arrives. */
  vanish(): void {
    this.#isGone = true;
    for (const watch of [...this.#watches]) watch.close();
  }

  get #etcd(): Etcd {
    return this.#at(this.#member);
  }

  #at(member: number): Etcd {
    return this.#members[member % this.#members.length] as Etcd;
  }

  #call<T>(
    call: Call,
    send: (etcd: Etcd) => Promise<T>,
    { signal, timeoutMs = 5_000 }: CallOptions = {},
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      if (this.#isGone) return;
      const isKeepAlive = call === "leaseKeepAlive";
      const etcd = isKeepAlive ? this.#at(this.#keepAliveMember) : this.#etcd;
      let isSettled = false;
      const settle = (outcome: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        cancel();
        stopListening();
        outcome();
      };
      const cancel = this.#process.setTimer(timeoutMs, () =>
        settle(() => {
          if (isKeepAlive) this.#keepAliveMember += 1;
          else if (etcd === this.#etcd) this.move();
          reject(
            new StoreUnavailableError(`No answer to ${call}`, { status: "DEADLINE_EXCEEDED" }),
          );
        }),
      );
      const stopListening = signal
        ? onAbort(signal, () => settle(() => reject(signal.reason)))
        : (): void => {};
      const passage = drawPassage(this.#random, this.faultRate);
      const slowMs = this.slowMs > 0 ? this.#random() * this.slowMs : 0;
      const reply = (outcome: () => void): void => {
        this.#process.setTimer(slowMs + this.#random() * this.#latencyMs, () => {
          if (!this.cutReplies && !this.#isGone) settle(outcome);
        });
      };
      this.#pass(passage, () => send(etcd), {
        resolve: (value) => reply(() => resolve(value)),
        reject: (error) => reply(() => reject(error)),
      });
    });
  }

  #pass<T>(
    { isLost, isLate, isRepeated, isUnanswered }: Passage,
    send: () => Promise<T>,
    to: { resolve(value: T): void; reject(error: unknown): void },
  ): void {
    const lateMs = isLate ? this.#random() * this.#lateMs : 0;
    const arrive = (): void => {
      const sent = send();
      if (isUnanswered) sent.catch(() => {});
      else sent.then(to.resolve, to.reject);
      // Before there is an answer, or never: nobody repeats what was answered.
      if (isRepeated) send().catch(() => {});
    };
    this.#world.setTimer(this.#random() * this.#latencyMs, () => {
      if (isLost || this.cutRequests) return;
      if (lateMs > 0) this.#world.setTimer(lateMs, arrive);
      else arrive();
    });
  }
}
