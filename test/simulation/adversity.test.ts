import { describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { type Entry, entryOf } from "../../src/core/entry.ts";
import type { Hold } from "../../src/core/hold.ts";
import { bytesOf } from "../../src/core/keys.ts";
import { holdersAmong } from "../../src/core/rule.ts";
import { WriteHold } from "../../src/core/rw-lock.ts";
import { CompactedError, MicrolockError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import type { Want } from "../../src/testkit/history/event.ts";
import { fitTogether } from "../../src/testkit/history/sharing.ts";
import { type FaultyNetwork, faultyNetwork } from "../support/faulty-network.ts";
import { type PrimitiveName, primitives } from "../support/history/primitives.mjs";
import { allKeys, entriesBelow } from "../support/keys.ts";
import { PausableClock } from "../support/pausable-clock.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

const { SEEDS = "60", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const firstSeed = Number(SEED);
const ttlMs = 6_000;
// Readers, writers and plain holders of one or several names meet in the first ones.
const plainNames = ["x", "y", "z"];
const names = [...plainNames, "permits"];
const capacity = primitives.semaphore.capacity;

/** A process: a clock that may stand still, a network that may fail, and the client on both. */
interface Machine {
  clock: PausableClock;
  network: FaultyNetwork;
  locks: Locks;
  isClosing: boolean;
}

/** What somebody asks for. */
interface Plan {
  readonly primitive: PrimitiveName;
  readonly names: readonly string[];
  readonly want: Want;
}

/**
 * All that the world may do to clients, at once: pauses, cuts, closed clients, watches that
 * end or say nothing, and an admin who deletes keys, revokes leases and forces releases.
 */
class World {
  readonly #seed: number;
  readonly #random: () => number;
  readonly #clock = new SimulatedClock();
  readonly #store = new EmbeddedEtcd({ clock: this.#clock });
  readonly #machines: Machine[] = [];
  readonly #holds = new Set<Hold>();
  #admin: Locks | undefined;
  /** What the admin has in etcd itself. */
  #adminKeys: readonly string[] = [];
  /** What the admin is about. */
  readonly #forcing = new Set<Promise<unknown>>();
  /** The keys that the admin removed: only the watch can tell their holders. */
  readonly #removed = new Set<string>();
  /** The largest tokens so far, by name: of those who held alone, and of all. */
  readonly #tokens = new Map<string, { readonly alone: bigint; readonly any: bigint }>();
  readonly #closing = new Set<Promise<void>>();
  #working = 0;
  #wrong: Error | undefined;
  entered = 0;
  downgraded = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  async live(): Promise<{ stuck: number; left: unknown }> {
    const faultRate = this.#random() * 0.2;
    this.#admin = await connect({ store: this.#store, clock: this.#clock, ttlMs });
    this.#adminKeys = await allKeys(this.#store);
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
    await Promise.all([...closing, ...this.#closing, ...this.#forcing]);
    await this.#admin.close();
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

  /** Whoever believes to hold stands in the queue, and all ahead of it could hold as well. */
  async #check(): Promise<void> {
    for (const name of names) {
      const held = [...this.#holds].filter((hold) => hold.names.includes(name) && hold.held);
      const believers = held
        .map(({ names, keys }) => keys[names.indexOf(name)] ?? "")
        .filter((key) => !this.#removed.has(key));
      const entries = await this.#entries(name);
      for (const believer of believers) {
        const upToIt = entries.slice(0, entries.findIndex(({ key }) => key === believer) + 1);
        if (upToIt.length > 0 && fitTogether(upToIt.map(wantOf), capacity)) continue;
        this.#fail(`${believer} believes, but there are ${entries.map(({ key }) => key).join()}`);
      }
    }
  }

  async #entries(name: string): Promise<readonly Entry[]> {
    const prefix = `microlock/${name}/`;
    return (await entriesBelow(this.#store, prefix)).map((kv) => entryOf(prefix, kv));
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
    if (chance > 0.03) return;
    if (chance > 0.02) return this.#force();
    const keys = (await allKeys(this.#store)).filter(
      (key) => key !== "resource" && !this.#adminKeys.includes(key),
    );
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

  /** Takes a lock away from whoever holds it now. Who does not hear of that can't know. */
  async #force(): Promise<void> {
    const name = names[Math.floor(this.#random() * names.length)] as string;
    const entries = await this.#entries(name);
    for (const { key } of entries.slice(0, holdersAmong(entries))) this.#removed.add(key);
    const graceMs = this.#random() * 2_000;
    const forcing = this.#admin?.forceRelease(name, { reason: "it hangs", graceMs });
    this.#forcing.add(Promise.resolve(forcing).catch((error) => this.#fail(String(error))));
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
    const { primitive, names, want } = this.#plan();
    const lock = primitives[primitive].lock(locks, names, { ...want, ...noTicks });
    const reason = "to work";
    const controller = new AbortController();
    const { signal } = controller;
    if (this.#random() < 0.2) {
      clock.setTimer(this.#random() * 4_000, () => controller.abort(new Error("enough")));
    }
    const ask = this.#random();
    if (ask < 0.2) {
      await lock.run({ signal, reason }, (hold) => this.#hold(clock, hold));
      return;
    }
    const patience = ask < 0.5 ? { waitMs: this.#random() * 3_000 } : {};
    const hold = await (ask > 0.8
      ? lock.tryAcquire({ signal, reason })
      : lock.acquire({ signal, reason, ...patience }));
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

  #plan(): Plan {
    const pick = <T>(items: readonly T[]): T =>
      items[Math.floor(this.#random() * items.length)] as T;
    const primitive = pick(["mutex", "several", "mixed", "rwLock", "semaphore"] as const);
    const want = pick(primitives[primitive].wants);
    if (primitive === "semaphore") return { primitive, names: ["permits"], want };
    const isFew = primitive !== "several" || this.#random() < 0.2;
    const order = plainNames.toSorted(() => this.#random() - 0.5);
    return { primitive, names: order.slice(0, isFew ? 1 : 3 - Math.round(this.#random())), want };
  }

  async #hold(clock: PausableClock, hold: Hold): Promise<void> {
    this.#holds.add(hold);
    if (hold.held && !hold.keys.some((key) => this.#removed.has(key))) {
      this.entered += 1;
      for (const name of hold.names) this.#note(name, hold);
      await this.#check();
    }
    await this.#sleep(clock, this.#random() * 300);
    if (hold instanceof WriteHold && this.#random() < 0.5) {
      await hold.downgrade();
      this.downgraded += 1;
      await this.#sleep(clock, this.#random() * 300);
    }
    if (this.#random() < 0.3) await this.#write(hold);
  }

  /** Nothing is written for one whose entry has gone, of whichever name. */
  async #write(hold: Hold): Promise<void> {
    const before = await allKeys(this.#store);
    const gone = hold.keys.filter((key) => !before.includes(key));
    await hold.put("resource", "written");
    if (gone.length > 0) this.#fail(`it was written, though ${gone.join()} had gone`);
  }

  /** Tokens rise, but for those who hold together. */
  #note(name: string, { mode, fencingToken }: Hold): void {
    const before = this.#tokens.get(name) ?? { alone: 0n, any: 0n };
    const holdsAlone = mode !== "read" && mode !== "permits";
    if (fencingToken <= (holdsAlone ? before.any : before.alone)) {
      this.#fail(`the token of ${name} fell`);
    }
    this.#tokens.set(name, {
      alone: holdsAlone ? fencingToken : before.alone,
      any: fencingToken > before.any ? fencingToken : before.any,
    });
  }

  async #sleep(clock: PausableClock, ms: number): Promise<void> {
    await new Promise<void>((resolve) => clock.setTimer(ms, () => resolve()));
    await settle();
  }
}

const noTicks = { everyMs: undefined, minHoldMs: undefined };

/** What an entry stands there for, as the histories have it. */
function wantOf({ mode, isReader }: Entry): Want {
  if (isReader) return { mode: "read", permits: 1 };
  if (mode.kind === "permits") return { mode: "permits", permits: mode.taken };
  return { mode: "exclusive", permits: 1 };
}

describe("clients to whom everything happens", () => {
  it(`keep every promise (${seeds} seeds)`, async () => {
    let entered = 0;
    let downgraded = 0;
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const world = new World(seed);
      const outcome = await world.live();
      const left = { keys: [], leaseCount: 0, watchCount: 0, timers: 0 };
      expect({ seed, ...outcome }).toEqual({ seed, stuck: 0, left });
      entered += world.entered;
      downgraded += world.downgraded;
    }
    expect(entered).toBeGreaterThan(seeds * 8);
    expect(downgraded).toBeGreaterThan(seeds / 2);
  }, 1_200_000);
});
