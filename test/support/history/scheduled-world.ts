import type { Scheduler } from "fast-check";
import { connect } from "../../../src/connect.ts";
import { textOf } from "../../../src/core/keys.ts";
import { EmbeddedEtcd } from "../../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../../src/locks.ts";
import type { HistoryEvent } from "../../../src/testkit/history/event.ts";
import { deleteKey, entriesBelow } from "../keys.ts";
import { type ScheduledEtcd, scheduledEtcd } from "../scheduled-etcd.ts";
import { SimulatedClock, settle } from "../simulated-clock.ts";
import { primitives } from "./primitives.mjs";
import { type Step, take } from "./steps.mjs";
import type { Chronicle } from "./violations.ts";
import { openWitness } from "./witness.ts";

/**
 * What may happen to a client at some time. One that stalls finds, when it goes on, that a TTL
 * has passed. In both cases its leases end some time later.
 */
export const fates = ["lives", "stalls", "dies"] as const;

/**
 * And to one whose work is waited for: its session's lease is revoked while it works, or one of its
 * keys is deleted. Nobody dies, which would take longer than there is time.
 */
export const lingeringFates = ["lives", "stalls", "is revoked", "loses a key"] as const;

/** What one client does: a list of rounds for each of its strands; and what it meets with. */
export interface Program {
  readonly strands: readonly (readonly Step[])[];
  readonly fate: (typeof fates | typeof lingeringFates)[number];
}

interface Client {
  readonly name: string;
  readonly fate: Program["fate"];
  readonly clock: SimulatedClock;
  readonly etcd: ScheduledEtcd;
  readonly locks: Locks;
}

const disturbances = ["ALREADY_LOCKED", "LOCK_LOST", "PLACE_LOST", "STORE_UNAVAILABLE"];
const expected: Readonly<Record<Program["fate"], readonly string[]>> = {
  lives: ["ALREADY_LOCKED"],
  stalls: disturbances,
  dies: ["ALREADY_LOCKED"],
  "is revoked": disturbances,
  "loses a key": disturbances,
};
const ttlMs = 9_000;
// Far less than after which a waiter looks by itself whether it was woken in vain.
const longestMs = 4_000;
const stepMs = 200;

/**
 * Clients on one store that meet in the order that the scheduler picks. Time stands still as
 * long as anything else can happen, so nobody is helped by a timer who waits for a message.
 */
export class ScheduledWorld {
  readonly #scheduler: Scheduler;
  readonly #store = new EmbeddedEtcd({ clock: new SimulatedClock() });
  readonly #clients: Client[] = [];
  readonly #history: HistoryEvent[] = [];
  readonly #dead = new Set<string>();
  /** Who waits until nothing can happen to anybody any more. */
  readonly #calmed = new Set<() => void>();
  /** Time as histories have it: it only says what came before what. */
  #ticks = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Lets the clients go through their programs, and tells all that happened. */
  async live(programs: readonly Program[]): Promise<Chronicle> {
    const witness = await openWitness(this.#store, this.#now);
    await this.#until(programs.map(({ fate }, index) => this.#boot(String(index + 1), fate)));
    const strands = this.#clients.flatMap((client, index) =>
      this.#begin(client, programs[index]?.strands ?? []),
    );
    await this.#until(strands);
    const survivors = this.#clients.filter(({ name }) => !this.#dead.has(name));
    await this.#until(survivors.map(({ locks }) => locks.close()));
    // They do not wait for what they take away in the background.
    await this.#scheduler.waitIdle();
    // Nothing shows that their time is over, since the store's stands still.
    const disturbed = this.#clients.filter(({ fate }) => fate !== "lives");
    const lasting = [
      ...witness.lasting(),
      ...disturbed.flatMap(({ etcd }) => etcd.lasting),
      ...this.#clients.flatMap(({ etcd }) => etcd.overtaken),
    ];
    await Promise.all(lasting.map((id) => this.#store.leaseRevoke(id).catch(() => {})));
    await settle();
    witness.close();
    const { leaseCount, watchCount } = this.#store;
    return {
      history: this.#history,
      entries: witness.entries,
      partyEntries: witness.partyEntries,
      writes: witness.writes,
      leftovers: [
        ...witness.keys(),
        ...(leaseCount > 0 ? [`${leaseCount} leases`] : []),
        ...(watchCount > 0 ? [`${watchCount} watches`] : []),
      ],
      capacity: primitives.semaphore.capacity,
      // A moment is an event here: nothing can be said of how many there may be.
      bounds: { wakeMs: Number.POSITIVE_INFINITY, expiryMs: 0, lingerMs: Number.POSITIVE_INFINITY },
    };
  }

  readonly #calm = (): Promise<void> => new Promise((resolve) => this.#calmed.add(resolve));

  readonly #now = (): number => ++this.#ticks;

  async #boot(name: string, fate: Program["fate"]): Promise<void> {
    const etcd = scheduledEtcd(this.#store, this.#scheduler, name);
    const clock = new SimulatedClock();
    // Clocks differ.
    clock.jump(Number(name) * 1_000);
    const locks = await connect({ store: etcd, clock, ttlMs, nodeId: name });
    this.#clients.push({ name, fate, etcd, clock, locks });
  }

  /** Begins what has to be over in the end. */
  #begin(client: Client, strands: Program["strands"]): readonly Promise<void>[] {
    const living = strands.map((steps, index) =>
      this.#live(client, `${client.name}/${"ab"[index]}`, steps),
    );
    if (client.fate === "lives") return living;
    if (client.fate === "stalls") return [...living, this.#stall(client)];
    // The lease that it began with: that of its first session.
    const { name, etcd } = client;
    if (client.fate === "is revoked") return [...living, this.#endLeases(name, [...etcd.leases])];
    if (client.fate === "loses a key") return [...living, this.#deleteKey(client)];
    // Who is dead never finishes.
    const failure = Promise.all(living).then(() => new Promise<void>(() => {}));
    return [Promise.race([this.#die(client), failure])];
  }

  async #live({ name, fate, locks }: Client, who: string, steps: readonly Step[]): Promise<void> {
    const strand = {
      who,
      locks,
      expected: expected[fate],
      now: this.#now,
      pause: async () => {
        await this.#turn(`${who} goes on`);
        if (this.#dead.has(name)) await new Promise(() => {});
      },
      calm: this.#calm,
      nobodyComes: this.#calm,
      tell: (event: HistoryEvent) => void this.#history.push(event),
    };
    for (const step of steps) {
      await take(step, strand);
      if (step.restMs > 0) await strand.pause();
    }
  }

  async #die({ name, etcd }: Client): Promise<void> {
    await this.#turn(`${name} dies`);
    this.#history.push({ at: this.#now(), who: name, kind: "died" });
    this.#dead.add(name);
    etcd.die();
    await this.#endLeases(name, etcd.leases);
  }

  async #stall({ name, clock, etcd }: Client): Promise<void> {
    await this.#turn(`${name} stalls`);
    clock.jump(ttlMs);
    await this.#endLeases(name, [...etcd.leases]);
  }

  /** Deletes the key of whoever of a client came first to a lock, if there is one. */
  async #deleteKey({ name, etcd }: Client): Promise<void> {
    await this.#turn(`a key of ${name} is deleted`);
    const entries = await entriesBelow(this.#store, "microlock/");
    const own = entries.find(
      ({ key, lease }) => etcd.leases.includes(lease) && !textOf(key).includes("%session"),
    );
    if (own) await deleteKey(this.#store, textOf(own.key));
  }

  async #endLeases(name: string, leases: readonly bigint[]): Promise<void> {
    await this.#turn(`the leases of ${name} end`);
    // Who goes on may have ended them itself.
    await Promise.all(leases.map((id) => this.#store.leaseRevoke(id).catch(() => {})));
  }

  #turn(label: string): Promise<void> {
    return this.#scheduler.schedule(Promise.resolve(), label);
  }

  /**
   * Lets happen what can, until all of it is done. When nothing can, time passes, but not for
   * long: who waits for nothing then waits for ever, and the checkers will tell.
   */
  async #until(tasks: readonly Promise<void>[]): Promise<void> {
    let isDone = false;
    const done = Promise.all(tasks).finally(() => {
      isDone = true;
    });
    // A failure is told at the end.
    done.catch(() => {});
    await this.#scheduler.waitIdle();
    for (let passedMs = 0; !isDone && passedMs < longestMs; ) {
      this.#history.push({ at: this.#now(), who: "everybody", kind: "lull" });
      const calmed = [...this.#calmed];
      this.#calmed.clear();
      for (const goOn of calmed) goOn();
      if (calmed.length === 0) {
        for (const { clock } of this.#clients) await clock.advance(stepMs);
        passedMs += stepMs;
      }
      await settle();
      await this.#scheduler.waitIdle();
    }
    if (isDone) await done;
  }
}
