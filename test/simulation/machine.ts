import type { connect } from "../../src/connect.ts";
import { CompactedError } from "../../src/errors.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import type { HistoryEvent } from "../../src/testkit/history/event.ts";
import type { ProcessClock } from "../../src/testkit/process-clock.ts";
import { seededRandom } from "../../src/testkit/random.ts";
import type { SimulatedClock } from "../../src/testkit/simulated-clock.ts";
import { SimulatedNetwork } from "../../src/testkit/simulated-network.ts";
import { type Step, take } from "../support/history/steps.mjs";
import type { Fault } from "./fault.ts";
import type { ClientPlan, Plan } from "./plan.ts";

/** Where a machine is. */
export interface Surroundings {
  readonly name: string;
  readonly plan: Plan;
  readonly clock: SimulatedClock;
  readonly members: readonly Etcd[];
  readonly nobodyComes: Promise<void>;
  readonly connect: typeof connect;
  tell(event: HistoryEvent): void;
  /** Takes back what was told last of a strand: that it left in good order. */
  failedToLeave(who: string): void;
  fail(error: unknown): void;
}

/** A process on a machine, until it dies or is closed. */
interface Life {
  readonly who: string;
  readonly process: ProcessClock;
  readonly network: SimulatedNetwork;
  readonly lives: readonly Promise<unknown>[];
}

// What faults may bring about.
const expected = [
  "ALREADY_LOCKED",
  "CLOSED",
  "LOCK_LOST",
  "PLACE_LOST",
  "STORE_FULL",
  "STORE_ROLLED_BACK",
  "STORE_UNAVAILABLE",
];

/** One client's machine: what it has to do, and the process that does it, one after another. */
export class Machine {
  readonly name: string;
  readonly #around: Surroundings;
  readonly #rate: number;
  /** What is left to do. */
  readonly #strands: { readonly steps: Step[]; isDone: boolean }[];
  readonly #closing: Promise<unknown>[] = [];
  #life: Life | undefined;
  #locks: Locks | undefined;
  #lives = 0;
  #isClosing = false;
  #random: () => number;

  constructor({ strands, rate }: ClientPlan, around: Surroundings) {
    this.name = around.name;
    this.#around = around;
    this.#rate = rate;
    this.#strands = strands.map((steps) => ({ steps: [...steps], isDone: false }));
    this.#random = seededRandom(around.plan.seed * 31 + Number(around.name));
  }

  get isDone(): boolean {
    return this.#strands.every(({ isDone }) => isDone);
  }

  /** Starts a process, which goes on with what is left to do. */
  start(): void {
    const { clock, plan, members, fail } = this.#around;
    this.#lives += 1;
    const who = `${this.name}.${this.#lives}`;
    const process = clock.process({ rate: this.#rate, startsAtMs: this.#lives * 1_000 });
    const network = new SimulatedNetwork(members, {
      ...{ clock, process, seed: this.#random },
      ...{ faultRate: plan.faultRate, latencyMs: plan.latencyMs, slowMs: plan.slowMs },
    });
    this.#locks = undefined;
    const life: Life = { who, process, network, lives: [] };
    this.#life = life;
    void this.#work(life).catch(fail);
  }

  /** Does something to the machine. Returns what ends it. */
  suffer(what: Fault["what"], random: () => number): () => Promise<void> | void {
    const life = this.#life;
    if (!life) return () => {};
    const { process, network, who } = life;
    switch (what) {
      case "pause":
        if (process.isPaused) return () => {};
        this.#tell(who, "stopped");
        process.pause();
        return () => this.#resume(life);
      case "kill":
        this.#tell(who, "died");
        process.kill();
        network.vanish();
        this.#life = undefined;
        return () => {
          if (!this.#life) this.start();
        };
      case "close":
        this.#closing.push(this.#close(life));
        this.start();
        return () => {};
      case "cut":
        network.cut();
        return () => this.#reconnect(life);
      case "cut requests":
        network.cutRequests = true;
        return () => this.#reconnect(life);
      case "cut replies":
        network.cutReplies = true;
        return () => this.#reconnect(life);
      case "deafen":
        network.deaf = true;
        return () => {
          network.deaf = false;
        };
      case "end watches":
        network.endWatches(new CompactedError(1n));
        return () => {};
      case "jump wall time":
        process.jumpWallTime((random() - 0.5) * 7_200_000);
        return () => {};
      default:
        return () => {};
    }
  }

  /** Its watches miss what happens from now on. Returns what ends that. */
  missEvents(): () => void {
    const network = this.#life?.network;
    const wasDeaf = network?.deaf ?? false;
    if (network) network.deaf = true;
    return () => {
      if (network) network.deaf = wasDeaf;
    };
  }

  /** All goes well from now on. */
  async mend(): Promise<void> {
    const life = this.#life;
    if (!life) return this.start();
    life.network.mend();
    await this.#resume(life);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#life) this.#closing.push(this.#close(this.#life));
    await Promise.all(this.#closing);
  }

  async #close({ network, process }: Life): Promise<void> {
    const locks = this.#locks;
    network.mend();
    void process.resume();
    await locks?.close();
  }

  async #resume({ process, who }: Life): Promise<void> {
    if (!process.isPaused) return;
    this.#tell(who, "went on");
    await process.resume();
  }

  #reconnect({ network }: Life): void {
    network.cutRequests = false;
    network.cutReplies = false;
  }

  #tell(who: string, kind: "died" | "stopped" | "went on"): void {
    this.#around.tell({ at: this.#around.clock.now(), who, kind });
  }

  async #work(life: Life): Promise<void> {
    const locks = await this.#connect(life);
    if (!locks) return;
    if (this.#life !== life || this.#isClosing) return locks.close();
    this.#locks = locks;
    await Promise.all(
      this.#strands.map((strand, index) => this.#go(life, locks, strand, "ab"[index] ?? "c")),
    );
  }

  async #connect(life: Life): Promise<Locks | undefined> {
    const { plan, connect } = this.#around;
    const { network: store, process: clock, who: nodeId } = life;
    const newLeaseId = (): bigint => BigInt(1 + Math.floor(this.#random() * 2 ** 52));
    while (this.#life === life) {
      try {
        return await connect({ store, clock, nodeId, newLeaseId, ttlMs: plan.ttlMs });
      } catch (error) {
        if (!expected.includes((error as { code?: string }).code ?? "")) throw error;
        await new Promise<void>((resolve) => clock.setTimer(500, resolve));
      }
    }
    return undefined;
  }

  async #go(
    life: Life,
    locks: Locks,
    strand: { readonly steps: Step[]; isDone: boolean },
    letter: string,
  ): Promise<void> {
    const { clock, plan, nobodyComes, tell } = this.#around;
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => life.process.setTimer(ms, resolve));
    const about = {
      ...{ who: `${life.who}/${letter}`, locks, expected, pause, tell, lookMs: plan.lookMs },
      now: () => clock.now(),
      calm: () => pause(200),
      failed: () => this.#around.failedToLeave(`${life.who}/${letter}`),
      nobodyComes: () => nobodyComes,
    };
    while (this.#life === life) {
      const step = strand.steps.shift();
      if (!step) {
        strand.isDone = true;
        return;
      }
      await take(step, about);
      if (step.restMs > 0) await pause(step.restMs);
    }
  }
}
