import { type Clock, systemClock } from "../../clock.ts";
import { bytesOf, keysBelow } from "../../core/keys.ts";
import {
  checkDuration,
  checkFilled,
  checkFlag,
  checkKnown,
  checkMethods,
  checkText,
} from "../../core/options.ts";
import { InvalidOptionError } from "../../errors.ts";
import type { Etcd, Watch } from "../../etcd/api.ts";
import type { Locks } from "../../locks.ts";
import { ProcessClock } from "../process-clock.ts";
import { SimulatedCluster } from "../simulated-cluster.ts";
import { broken } from "./broken.ts";
import type { HistoryEvent } from "./event.ts";
import { fromOutside } from "./from-outside.ts";
import { recordLocks } from "./record-locks.ts";
import type { Bounds, Recorded } from "./recorded.ts";
import { RecordedClient } from "./recorded-client.ts";
import { type Request, requestsOf } from "./request.ts";
import { Resource, type ResourceOptions, type ResourceWrite } from "./resource.ts";
import type { Entry, Write } from "./server-side.ts";
import { Sightings } from "./sightings.ts";

/** What to record, and by which clock. */
export interface HistoryOptions {
  /** The store that all clients use, by a way that nobody cuts: it is watched from the beginning. */
  readonly store: Etcd;
  /** The clock that all clients share. @default the process's monotonic clock */
  readonly clock?: Clock | undefined;
  /** That of the clients. @default "microlock/" */
  readonly namespace?: string | undefined;
  /**
   * How long it may take, in milliseconds, until the next one is in when nobody is in its way any more.
   *
   * @default Infinity: it is enough that all get in or give up before the end
   */
  readonly wakeMs?: number | undefined;
  /**
   * How much longer that may take after a holder that died, or could not let go, in milliseconds: the
   * longest `ttlMs`, `lockDelayMs` and `lingerMs` together, and a few seconds for elections.
   *
   * @default 20_000
   */
  readonly expiryMs?: number | undefined;
}

/**
 * A history of who asked for locks, got, lost and left them, seen from outside, for tests of services
 * that use locks. It records clients and looks at the store; the checkers say what was broken.
 *
 * ```ts
 * const history = new History({ store: cluster, clock });
 * const locks = history.record(await connect({ store: network, clock: process }), "web-1");
 * // … let services work, and all go wrong that can; then close the clients
 * assert.deepEqual(await history.violations(), []);
 * ```
 *
 * Make it before any client asks for a lock. It is for one process, in which all clients are, and it
 * keeps all that it records in memory.
 */
export class History implements Recorded, Disposable {
  /** How long things may take, as the options say. */
  readonly bounds: Bounds;
  readonly #store: Etcd;
  readonly #clock: Clock;
  readonly #namespace: string;
  readonly #sightings: Sightings;
  readonly #watch: Watch;
  readonly #events: HistoryEvent[] = [];
  readonly #writes: ResourceWrite[] = [];
  readonly #clients: RecordedClient[] = [];
  readonly #recorded = new WeakSet<Locks>();
  readonly #capacities = new Map<string, number>();
  #blind: Error | undefined;

  /** @throws {InvalidOptionError} when an option is not what it should be. */
  constructor(options: HistoryOptions) {
    checkKnown(options, ["store", "clock", "namespace", "wakeMs", "expiryMs"]);
    const { store, clock = systemClock, namespace = "microlock/" } = options;
    checkMethods("store", store ?? {}, ["txn", "watch"]);
    checkMethods("clock", clock, ["now", "wallTime", "setTimer"]);
    checkText("namespace", namespace);
    const { wakeMs = Number.POSITIVE_INFINITY, expiryMs = 20_000 } = options;
    checkDuration("wakeMs", wakeMs);
    checkDuration("expiryMs", expiryMs);
    this.bounds = { wakeMs, expiryMs };
    this.#store = store;
    this.#clock = clock;
    this.#namespace = namespace;
    this.#sightings = new Sightings({ namespace, now: () => clock.now() });
    // From the first revision on, so that nothing is missed before the watch stands.
    const range = { ...keysBelow(namespace), startRevision: 1n };
    this.#watch = store.watch(range, {
      onEvents: (events) => {
        for (const event of events) this.#sightings.see(event);
      },
      onEnd: (error) => {
        this.#blind = error;
      },
    });
  }

  /**
   * Records all that is asked for through a client from now on: by `acquire`, `tryAcquire`, `run`,
   * `once`, `request`, and by mutexes, readers and writers, semaphores and elections. Returns the same
   * client, which goes on as before. Of a hold that `attach` takes on, nothing is recorded any more.
   *
   * `who` is what stories call it. If that was there before, as of a process that is started again, it
   * is called "web-1.2". A client on a `ProcessClock` also tells when that is paused, resumed or killed.
   *
   * @throws {InvalidOptionError} when it is recorded already, or goes by another namespace or clock.
   */
  record<L extends Locks>(locks: L, who: string): L {
    checkFilled("who", who);
    if (who.includes("/")) throw new InvalidOptionError("who", "a name without a slash", who);
    if (this.#recorded.has(locks)) {
      throw new InvalidOptionError("locks", "a client that is not recorded yet", locks);
    }
    const { clock, namespace } = locks;
    if (namespace !== this.#namespace) {
      throw new InvalidOptionError(
        "namespace",
        `that of the client, "${namespace}"`,
        this.#namespace,
      );
    }
    if (clock !== this.#clock && !(clock instanceof ProcessClock)) {
      throw new InvalidOptionError(
        "clock",
        "that of the client, or what its process() made",
        clock,
      );
    }
    this.#recorded.add(locks);
    const client = new RecordedClient(this.#nameFor(who), {
      ...{ clock, now: () => this.#clock.now() },
      tell: (event) => this.#events.push(event),
    });
    this.#clients.push(client);
    recordLocks(locks, client, (name, permits) => this.#capacities.set(name, permits));
    return locks;
  }

  /**
   * Something that the lock `name` protects, which remembers who writes to it. Let the service's fake of
   * its database call `write` with the token of each write that arrives.
   *
   * @throws {InvalidOptionError} when the name or an option is not what it should be.
   */
  resource(name: string, options: ResourceOptions = {}): Resource {
    checkFilled("name", name);
    checkKnown(options, ["fenced"]);
    checkFlag("fenced", options.fenced);
    return new Resource(name, options.fenced ?? false, (token) => {
      this.#writes.push({ name, token, at: this.#clock.now() });
    });
  }

  /** What happened, in the order in which it was told. It is plain data, and can be printed. */
  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  /** What became of each request, in the order in which they were made. */
  get requests(): readonly Request[] {
    const requests = requestsOf(this.#events);
    const writes = this.#writesOf(requests);
    return requests.map((request) => fromOutside(request, this.entries, writes));
  }

  /** What the store had in the queues of locks. */
  get entries(): readonly Entry[] {
    return this.#sightings.entries;
  }

  /** What was written to the resources. */
  get writes(): readonly Write[] {
    return this.#writesOf(requestsOf(this.#events));
  }

  /**
   * What is left: clients that were neither closed nor killed, and keys in the namespace. What is to
   * outlast everybody does not count: the counts of latches, and what keeps others out until a tick or
   * `minHoldMs` is over.
   */
  get leftovers(): readonly string[] {
    const open = this.#clients.filter(({ isOver }) => !isOver);
    return [...open.map(({ who }) => `${who}, which was not closed`), ...this.#sightings.passing];
  }

  /** How many permits a semaphore has, as the last one who asked for it said. */
  readonly capacityOf = (name: string): number =>
    this.#capacities.get(name) ?? Number.POSITIVE_INFINITY;

  /**
   * Every promise that was broken, each told as a story; none when all is well. Ask for it at the end:
   * when the clients are closed, those that were paused go on, and one TTL has passed since any died.
   * It runs all checkers, and says as well if it could not see all, or there was nothing to see.
   */
  async violations(): Promise<readonly string[]> {
    await this.#catchUp();
    const unseen = this.#blind
      ? [`The history does not see the store: ${this.#blind.message}`]
      : [];
    const isEmpty = this.#events.every(({ kind }) => kind !== "got");
    return [
      ...unseen,
      ...(isEmpty ? ["Nobody got a lock: is every client recorded, by history.record()?"] : []),
      ...broken({
        ...{ events: this.events, requests: this.requests, entries: this.entries },
        ...{ writes: this.writes, leftovers: this.leftovers },
        ...{ bounds: this.bounds, capacityOf: this.capacityOf },
      }),
    ];
  }

  /** Ends the watch on the store: nothing is seen of it any more. */
  close(): void {
    this.#watch.close();
  }

  /** The same as `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #nameFor(who: string): string {
    const isTaken = (name: string): boolean => this.#clients.some((client) => client.who === name);
    let name = who;
    for (let life = 2; isTaken(name); life++) name = `${who}.${life}`;
    return name;
  }

  #writesOf(requests: readonly Request[]): readonly Write[] {
    const byToken = new Map(
      requests.map((request) => [`${request.name} ${request.token}`, request]),
    );
    return this.#writes.map(({ name, token, at }, index): Write => {
      const { who, mode, permits } = byToken.get(`${name} ${token}`) ?? {
        ...{ who: "somebody that is not recorded", mode: "exclusive", permits: 1 },
      };
      return { name, token, mode, permits, at, who, revision: BigInt(index) };
    });
  }

  /** Of a store that is elsewhere, the watch may be late. */
  async #catchUp(): Promise<void> {
    // Some of its members may stall.
    const store = this.#store instanceof SimulatedCluster ? this.#store.store : this.#store;
    for (const key of this.#sightings.passing) {
      const success = [{ op: "range", request: { key: bytesOf(key) } } as const];
      const { responses, header } = await store.txn({ success });
      const [found] = responses;
      if (found?.op === "range" && found.response.kvs.length === 0) {
        this.#sightings.forget(key, header.revision);
      }
    }
  }
}
