import { createHash } from "node:crypto";
import { connect } from "../../src/connect.ts";
import { textOf } from "../../src/core/keys.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { HistoryEvent } from "../../src/testkit/history/event.ts";
import { seededRandom } from "../../src/testkit/random.ts";
import { settlePromises } from "../../src/testkit/settle.ts";
import { SimulatedClock } from "../../src/testkit/simulated-clock.ts";
import { SimulatedCluster } from "../../src/testkit/simulated-cluster.ts";
import { primitives } from "../support/history/primitives.mjs";
import { violations } from "../support/history/violations.ts";
import { openWitness, type Witness } from "../support/history/witness.ts";
import { Administrator } from "./administrator.ts";
import { clipped } from "./clipped.ts";
import { Machine } from "./machine.ts";
import { mendedAtMs, type Plan } from "./plan.ts";
import { tempoOf } from "./tempo.ts";
import { keptFromStaleLeader, releasesTrue, toldSoon } from "./told-of-takings.ts";
import { Upheaval } from "./upheaval.ts";

/** What a run came to. */
export interface Outcome {
  /** Every promise that was broken, each told as a story. */
  readonly violations: readonly string[];
  /** The same for the same course of events. */
  readonly hash: string;
}

// Waiters look by themselves every five seconds, and what is late is so by seven.
const healMs = 8_000;
const stepLimit = 60_000;

/** Runs a plan: clients work, faults happen, all is mended, and then everybody has to get done. */
export class World {
  readonly #plan: Plan;
  readonly #clock = new SimulatedClock({ settle: settlePromises });
  readonly #cluster: SimulatedCluster;
  readonly #random: () => number;
  readonly #history: HistoryEvent[] = [];
  #machines: readonly Machine[] = [];
  #upheaval: Upheaval | undefined;
  #calm = (): void => {};
  #steps = 0;
  #wrong: string | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed ^ 0x5bd1e995);
    this.#cluster = new SimulatedCluster({ clock: this.#clock, electionMs: plan.electionMs });
  }

  async live(): Promise<Outcome> {
    const plan = this.#plan;
    const administrator = await Administrator.open(this.#cluster, this.#clock, {
      forcesReleases: plan.faults.some(({ what }) => what === "force a release"),
    });
    const witness = await openWitness(this.#cluster.store, () => this.#clock.now());
    const calm = new Promise<void>((resolve) => {
      this.#calm = resolve;
    });
    this.#machines = plan.clients.map(
      (client, index) =>
        new Machine(client, {
          name: String(index + 1),
          plan,
          clock: this.#clock,
          members: this.#cluster.members.map((member) => capped(member, plan.longestTtl)),
          nobodyComes: calm,
          connect,
          tell: (event) => this.#history.push(event),
          failedToLeave: (who) => this.#failedToLeave(who),
          fail: (error) => {
            this.#wrong ??= `An error that nobody expects: ${error instanceof Error ? error.stack : error}`;
          },
        }),
    );
    const upheaval = new Upheaval({
      ...{ clock: this.#clock, cluster: this.#cluster, administrator },
      ...{ machines: this.#machines, random: this.#random, moveMs: tempoOf(plan).moveMs },
    });
    this.#upheaval = upheaval;
    for (const machine of this.#machines) machine.start();
    // What happens when nobody has anything left to do tells nothing.
    for (const fault of plan.faults) {
      await this.#until(fault.atMs, () => this.#isDone());
      if (!this.#isDone()) await upheaval.begin(fault);
    }
    await this.#until(mendedAtMs, () => this.#isDone());
    await upheaval.mend();
    const boundMs = plan.ttlMs + healMs + this.#workMs();
    await this.#until(this.#clock.now() + boundMs / 2, () => this.#isDone());
    this.#calm();
    await this.#until(this.#clock.now() + boundMs / 2, () => this.#isDone());
    return this.#judge(witness, administrator, upheaval);
  }

  /** It was told that it leaves before that failed: what was to last beyond it need not. */
  #failedToLeave(who: string): void {
    const history = this.#history;
    for (let index = history.length - 1; index >= 0; index--) {
      const event = history[index] as HistoryEvent;
      if (event.who !== who) continue;
      if (event.kind !== "left") return;
      history[index] = { ...event, kind: "lost", heldUntil: event.at };
    }
  }

  async #judge(
    witness: Witness,
    administrator: Administrator,
    { takenLate }: Upheaval,
  ): Promise<Outcome> {
    const stuck = this.#machines.filter((machine) => !machine.isDone).map(({ name }) => name);
    let isClosed = false;
    const closing = [...this.#machines.map((machine) => machine.close()), administrator.close()];
    void Promise.all(closing).then(() => {
      isClosed = true;
    });
    await this.#until(this.#clock.now() + this.#plan.ttlMs + healMs, () => isClosed);
    // Counts of latches, and the ends of ticks, are to outlast everybody.
    await this.#until(this.#clock.now() + 4_000_000);
    const { leases, watches } = this.#cluster.counts;
    const leftovers = [
      ...this.#cluster.store
        .snapshot()
        .keyspace.kvs.filter(({ key }) => !textOf(key).startsWith("written/"))
        .map(({ key }) => textOf(key)),
      ...(leases > 0 ? [`${leases} leases`] : []),
      ...(watches > 0 ? [`${watches} watches`] : []),
      ...(this.#clock.timerCount > 0 ? [`${this.#clock.timerCount} timers`] : []),
    ];
    witness.close();
    const broken = [
      ...(this.#wrong ? [this.#wrong] : []),
      ...(stuck.length > 0
        ? [`Long after all was mended, these were not done: ${stuck.join(", ")}`]
        : []),
      ...(isClosed ? [] : ["Somebody could not be closed"]),
    ];
    // Nobody can tell a process that is stopped: it works on for longer than it asked for.
    const isStopped = this.#plan.faults.some(({ what }) => what === "pause");
    const removals = administrator.removals(witness.entries);
    const history = clipped(this.#history, removals).map((event) =>
      isStopped && "lingers" in event ? { ...event, lingers: false } : event,
    );
    const { isQuiet, isSound, isStallOnly, promptMs } = tempoOf(this.#plan);
    const told = violations({
      history,
      entries: witness.entries,
      ...(removals.length > 0 || this.#plan.theme.lingerMs !== undefined ? { isForced: true } : {}),
      lingerMs: this.#plan.theme.lingerMs,
      partyEntries: [],
      writes: witness.writes,
      leftovers,
      capacity: primitives.semaphore.capacity,
      bounds: isQuiet
        ? { wakeMs: promptMs, expiryMs: promptMs, lingerMs: Infinity }
        : { wakeMs: Infinity, expiryMs: 0, lingerMs: Infinity },
    });
    const untold = [
      isQuiet
        ? toldSoon(this.#history, [...removals, ...administrator.wantedBack], promptMs)
        : undefined,
      isSound ? releasesTrue(this.#history, removals) : undefined,
      isStallOnly ? keptFromStaleLeader(this.#history, witness.entries, takenLate) : undefined,
    ].filter((violation) => violation !== undefined);
    const hash = createHash("sha256").update(
      JSON.stringify([this.#history, this.#steps, leftovers]),
    );
    return { violations: [...broken, ...told, ...untold], hash: hash.digest("hex").slice(0, 16) };
  }

  /** Lets time pass until a moment, or until something is so. */
  async #until(at: number, isSo: () => boolean = () => false): Promise<void> {
    await settlePromises();
    for (; !isSo(); this.#steps++) {
      if (this.#steps > stepLimit) {
        this.#wrong ??= "It goes round in circles";
        return;
      }
      const { nextTimerAt } = this.#clock;
      const upheaval = this.#upheaval;
      const endsAt = upheaval?.next?.at ?? Number.POSITIVE_INFINITY;
      if (upheaval && endsAt <= at && endsAt <= nextTimerAt) {
        this.#clock.jump(Math.max(0, endsAt - this.#clock.now()));
        await upheaval.endNext();
        await settlePromises();
      } else if (nextTimerAt <= at) await this.#clock.step();
      else return this.#clock.jump(Math.max(0, at - this.#clock.now()));
    }
  }

  #isDone(): boolean {
    return this.#machines.every(({ isDone }) => isDone);
  }

  /** How long all that is to be done takes, one after the other. */
  #workMs(): number {
    const steps = this.#plan.clients.flatMap(({ strands }) => strands.flat());
    return steps.reduce((sum, step) => sum + 5_000 + ("holdMs" in step ? step.holdMs : 0), 0);
  }
}

/** A store that grants no longer leases than that, whatever is asked. */
function capped(etcd: Etcd, longestTtl: number): Etcd {
  return Object.assign(Object.create(etcd) as Etcd, {
    leaseGrant: (request: Parameters<Etcd["leaseGrant"]>[0]) =>
      etcd.leaseGrant({
        ...request,
        ttl: request.ttl < BigInt(longestTtl) ? request.ttl : BigInt(longestTtl),
      }),
    watch: etcd.watch.bind(etcd),
  });
}
