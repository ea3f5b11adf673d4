import { describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Hold } from "../../src/core/hold.ts";
import { bytesOf } from "../../src/core/keys.ts";
import { CompactedError, MicrolockError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import { type FaultyNetwork, faultyNetwork } from "../support/faulty-network.ts";
import { allKeys, entriesBelow } from "../support/keys.ts";
import { PausableClock } from "../support/pausable-clock.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

const { SEEDS = "200", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const firstSeed = Number(SEED);
const ttlMs = 6_000;
const names = ["x", "y"];

/** A process: a clock that may stand still, a network that may fail, and the client on both. */
interface Machine {
  clock: PausableClock;
  network: FaultyNetwork;
  locks: Locks;
  isClosing: boolean;
}

/**
 * All that the world may do to clients, at once: pauses, cuts, closed clients, watches that
 * end or say nothing, and an admin who deletes keys and revokes leases.
 */
class World {
  readonly #seed: number;
  readonly #random: () => number;
  readonly #clock = new SimulatedClock();
  readonly #store = new EmbeddedEtcd({ clock: this.#clock });
  readonly #machines: Machine[] = [];
  readonly #holds = new Set<Hold>();
  /** The keys that the admin removed: only the watch can tell their holders. */
  readonly #removed = new Set<string>();
  readonly #tokens = new Map<string, bigint>();
  readonly #closing = new Set<Promise<void>>();
  #working = 0;
  #wrong: Error | undefined;
  entered = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  async live(): Promise<{ stuck: number; left: unknown }> {
    const faultRate = this.#random() * 0.2;
    for (let index = 0; index < 3; index++) this.#machines.push(await this.#boot(faultRate));
    const workers = this.#machines.flatMap((machine) => [this.#work(machine), this.#work(machine)]);
    for (let step = 0; step < 200 && this.#working > 0; step++) {
      for (const machine of this.#machines) await this.#disturb(machine, faultRate);
      await this.#administer();
      await this.#pass(200);
    }
    for (const { network, clock } of this.#machines) {
      Object.assign(network, { faultRate: 0, cut: false, deaf: false });
      await clock.resume();
    }
    for (let step = 0; step < 400 && this.#working > 0; step++) await this.#pass(200);
    const stuck = this.#working;
    const closing = this.#machines.map(({ locks }) => locks.close());
    await this.#clock.advance(30_000);
    await Promise.all([...closing, ...this.#closing]);
    if (stuck === 0) await Promise.all(workers);
    if (this.#wrong) throw this.#wrong;
    const keys = (await allKeys(this.#store)).filter((key) => key !== "resource");
    const { leaseCount, watchCount } = this.#store;
    return { stuck, left: { keys, leaseCount, watchCount, timers: this.#clock.timerCount } };
  }

  async #boot(faultRate: number): Promise<Machine> {
    const clock = new PausableClock(this.#clock);
    const network = faultyNetwork(this.#store, this.#clock, this.#random, clock);
    const connecting = connect({ store: network, clock, ttlMs });
    await this.#clock.advance(100);
    const locks = await connecting;
    network.faultRate = faultRate;
    return { clock, network, locks, isClosing: false };
  }

  /** Lets time pass, and looks whether everything is as it should be. */
  async #pass(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    await this.#check();
    if (this.#wrong) throw this.#wrong;
  }

  /** Whoever believes to hold stands first in the queue. */
  async #check(): Promise<void> {
    for (const name of names) {
      const held = [...this.#holds].filter((hold) => hold.name === name && hold.held);
      const believers = held.map(({ key }) => key).filter((key) => !this.#removed.has(key));
      const [first] = await entriesBelow(this.#store, `microlock/${name}/`);
      const firstKey = first && Buffer.from(first.key).toString();
      if (believers.some((key) => key !== firstKey)) {
        this.#fail(`${believers.join(" and ")} believe, but ${firstKey} is first`);
      }
    }
  }

  #fail(what: string): void {
    this.#wrong ??= new Error(`seed ${this.#seed}, at ${this.#clock.now()}: ${what}`);
  }

  async #disturb(machine: Machine, faultRate: number): Promise<void> {
    const { clock, network } = machine;
    const chance = this.#random();
    if (clock.isPaused) {
      if (chance < 0.05) await clock.resume();
    } else if (chance < 0.01) clock.pause();
    else if (chance < 0.02) network.cut = !network.cut;
    else if (chance < 0.06) network.cut = false;
    else if (chance < 0.07) network.deaf = !network.deaf;
    else if (chance < 0.08) network.endWatches(new CompactedError(1n));
    else if (chance < 0.085 && !machine.isClosing) {
      machine.isClosing = true;
      const closing = machine.locks.close();
      this.#closing.add(closing);
      Object.assign(machine, await this.#boot(faultRate));
    }
  }

  async #administer(): Promise<void> {
    const chance = this.#random();
    if (chance > 0.02) return;
    const keys = (await allKeys(this.#store)).filter((key) => key !== "resource");
    const key = keys[Math.floor(this.#random() * keys.length)];
    if (key === undefined) return;
    if (chance < 0.01) {
      this.#removed.add(key);
      await this.#store.txn({ success: [{ op: "deleteRange", request: { key: bytesOf(key) } }] });
    } else {
      const [id = ""] = (key.split("/").at(-1) ?? "").split("-");
      for (const other of keys) if (other.includes(`/${id}`)) this.#removed.add(other);
      await this.#store.leaseRevoke(BigInt(`0x${id}`)).catch(() => {});
    }
  }

  async #work(machine: Machine): Promise<void> {
    this.#working += 1;
    for (let round = 0; round < 12; round++) {
      const { clock, locks } = machine;
      try {
        await this.#useOnce(clock, locks);
      } catch (error) {
        const expected = error instanceof MicrolockError || (error as Error).message === "enough";
        if (!expected) this.#fail(String((error as Error).stack));
      }
      await this.#sleep(clock, this.#random() * 500);
    }
    this.#working -= 1;
  }

  async #useOnce(clock: PausableClock, locks: Locks): Promise<void> {
    const name = names[Math.floor(this.#random() * names.length)] as string;
    const controller = new AbortController();
    const { signal } = controller;
    if (this.#random() < 0.2) {
      clock.setTimer(this.#random() * 4_000, () => controller.abort(new Error("enough")));
    }
    const ask = this.#random();
    if (ask < 0.2) {
      await locks.run(name, { signal }, (hold) => this.#hold(clock, hold));
      return;
    }
    const waitMs = ask < 0.5 ? this.#random() * 3_000 : undefined;
    const hold = await (ask > 0.8
      ? locks.tryAcquire(name, { signal })
      : locks.acquire(name, { signal, waitMs }));
    if (!hold) return;
    try {
      await this.#hold(clock, hold);
    } finally {
      // A client that is being closed still lets go in good order.
      const { reason } = hold.signal.aborted ? hold.signal.reason : {};
      const wasLost = !hold.held && reason !== "closed";
      await hold.release().finally(() => this.#holds.delete(hold));
      if (wasLost) this.#fail(`the release of ${hold.key} resolved, though it was lost before`);
    }
  }

  async #hold(clock: PausableClock, hold: Hold): Promise<void> {
    this.#holds.add(hold);
    const { name, fencingToken } = hold;
    if (hold.held && !this.#removed.has(hold.key)) {
      this.entered += 1;
      if (fencingToken <= (this.#tokens.get(name) ?? 0n)) this.#fail(`the token of ${name} fell`);
      this.#tokens.set(name, fencingToken);
      await this.#check();
    }
    await this.#sleep(clock, this.#random() * 300);
    if (this.#random() < 0.3) await hold.put("resource", "written");
  }

  async #sleep(clock: PausableClock, ms: number): Promise<void> {
    await new Promise<void>((resolve) => clock.setTimer(ms, () => resolve()));
    await settle();
  }
}

describe("clients to whom everything happens", () => {
  it(`keep every promise (${seeds} seeds)`, async () => {
    let entered = 0;
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const world = new World(seed);
      const outcome = await world.live();
      const left = { keys: [], leaseCount: 0, watchCount: 0, timers: 0 };
      expect({ seed, ...outcome }).toEqual({ seed, stuck: 0, left });
      entered += world.entered;
    }
    expect(entered).toBeGreaterThan(seeds * 8);
  }, 1_200_000);
});
