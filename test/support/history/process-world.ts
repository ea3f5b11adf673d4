import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { systemClock, within } from "../../../src/clock.ts";
import type { Etcd } from "../../../src/etcd/api.ts";
import { GrpcEtcd } from "../../../src/etcd/grpc/grpc-etcd.ts";
import type {
  HistoryEvent,
  ProcessEvent,
  RequestEvent,
} from "../../../src/testkit/history/event.ts";
import type { EtcdServer } from "../etcd-server.ts";
import { seededRandom } from "../seeded-random.ts";
import { metric } from "../server-state.ts";
import { startProcess, type Worker } from "../start-worker.ts";
import { anyCounting } from "./counting.ts";
import { type Disturbance, drawDisturbances } from "./disturbance.ts";
import { anyMeeting } from "./meeting.ts";
import { type PrimitiveName, primitives } from "./primitives.mjs";
import { anyRound, type Round } from "./round.ts";
import type { Step } from "./steps.mjs";
import type { Chronicle } from "./violations.ts";
import { openWitness, type Witness } from "./witness.ts";

/** What happens, and to whom. The same seed draws the same rounds, kills and pauses. */
export interface WorldOptions {
  readonly server: EtcdServer;
  readonly seed: number;
  readonly durationMs: number;
}

interface Member {
  readonly index: number;
  /** How often it was started. */
  life: number;
  worker: Worker;
}

const processes = 8;
const strandsEach = 6;
const ttlMs = 2_000;
const rounds = {
  patienceMs: 300,
  longestHoldMs: 40,
  longestRestMs: 20,
  everyMs: 2_000,
};
const kinds = (Object.keys(primitives) as PrimitiveName[]).filter((kind) => kind !== "once");
const meeting = anyMeeting({
  ...{ barriers: { barrierx: 3, barriery: 4 } },
  ...{ longestStayMs: rounds.longestHoldMs, longestRestMs: rounds.longestRestMs },
});
const counting = anyCounting({
  latches: { latchw: 3, latchx: 10, latchy: 20, latchz: 30 },
  ...{ patienceMs: 2_000, mayWaitForEver: false, longestRestMs: 20 },
});
/** Each primitive has names of its own: those that take several at once, more of them. */
function anyRoundOf(primitive: PrimitiveName): fc.Arbitrary<Round> {
  const letters = primitives[primitive].takesSeveral ? ["x", "y", "z"] : ["x", "y"];
  return anyRound({ primitive, names: letters.map((letter) => primitive + letter), ...rounds });
}
const script = new URL("./worker.mjs", import.meta.url);
/** The same clock for all processes of this machine. */
const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Processes on one etcd, some of which are killed and started anew, or stopped for a while. */
export class ProcessWorld {
  readonly #options: WorldOptions;
  readonly #startedAt = machineTime();
  readonly #members: Member[] = [];
  readonly #workers: Worker[] = [];
  /** What was done to the processes. */
  readonly #deeds: ProcessEvent[] = [];

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** Lets the processes work, disturbs them, ends them, and tells all that happened. */
  async live(): Promise<Chronicle> {
    const { server, seed, durationMs } = this.#options;
    const lag = monitorEventLoopDelay();
    lag.enable();
    const etcd = new GrpcEtcd({ endpoints: [server.endpoint] });
    const witness = await openWitness(etcd, this.#now);
    for (let index = 0; index < processes; index++) {
      this.#members.push({ index, life: 1, worker: this.#start(index, 1) });
    }
    await Promise.all(this.#members.map(({ worker }) => worker.hears("kind")));
    const amounts = { processes, durationMs, kills: 6, stops: 6, longestStopMs: 1.5 * ttlMs };
    await this.#disturb(drawDisturbances(seededRandom(seed), amounts));
    await Promise.all(this.#members.map(({ worker }) => this.#end(worker)));
    await this.#endLasting(etcd);
    const leftovers = await this.#leftovers(witness);
    witness.close();
    await etcd.close();
    lag.disable();
    // On a machine that has other things to do all processes wait for their turn, as this one did: one
    // that lets go, etcd, and one that gets in.
    const busyMs = (3 * lag.max) / 1e6;
    return {
      history: [...this.#workers.flatMap((worker) => this.#told(worker)), ...this.#deeds],
      entries: witness.entries,
      partyEntries: witness.partyEntries,
      writes: witness.writes,
      leftovers,
      capacity: primitives.semaphore.capacity,
      // Less than a TTL, after which a waiter looks by itself whether it was woken in vain.
      bounds: { wakeMs: 1_500 + busyMs, expiryMs: ttlMs + 1_000, lingerMs: ttlMs + 1_000 },
    };
  }

  readonly #now = (): number => machineTime() - this.#startedAt;

  #start(index: number, life: number): Worker {
    const { server, seed } = this.#options;
    // Each strand goes from one primitive to another.
    const anything = fc.oneof(...kinds.map((primitive) => anyRoundOf(primitive)));
    const all: fc.Arbitrary<Step>[] = [
      ...Array(strandsEach).fill(anything),
      ...[meeting, counting, anyRoundOf("once")],
    ];
    const strands = all.map((steps, strand) =>
      fc.sample(steps, { numRuns: 40, seed: seed * 1_000 + index * 10 + strand }),
    );
    const { endpoint } = server;
    // Clocks differ, but less than by half of what is between two ticks.
    const skewMs = index * 100;
    const program = { endpoint, ttlMs, skewMs, who: `${index + 1}.${life}`, strands };
    const worker = startProcess(script, [JSON.stringify(program)]);
    this.#workers.push(worker);
    return worker;
  }

  async #disturb(disturbances: readonly Disturbance[]): Promise<void> {
    const beganAt = this.#now();
    const until = (ms: number): Promise<void> => pause(Math.max(0, beganAt + ms - this.#now()));
    const disturbing = this.#members.map(async (member) => {
      for (const { index, atMs, what, asItHolds, forMs } of disturbances) {
        if (index !== member.index) continue;
        await until(atMs);
        if (asItHolds) await this.#nextHold(member);
        await (what === "kill" ? this.#kill(member, forMs) : this.#stop(member, forMs));
      }
    });
    await Promise.all([...disturbing, until(this.#options.durationMs)]);
  }

  /** Waits until a process has got something, but not for ever. */
  async #nextHold({ worker }: Member): Promise<void> {
    const deadline = this.#now() + 2 * ttlMs;
    while (worker.facts.at(-1)?.["kind"] !== "got" && this.#now() < deadline) await pause(1);
  }

  async #kill(member: Member, forMs: number): Promise<void> {
    this.#note(member, "died");
    member.worker.signal("SIGKILL");
    await member.worker.ended();
    await pause(forMs);
    member.life += 1;
    member.worker = this.#start(member.index, member.life);
    await member.worker.hears("kind");
  }

  async #stop(member: Member, forMs: number): Promise<void> {
    this.#note(member, "stopped");
    member.worker.signal("SIGSTOP");
    await pause(forMs);
    member.worker.signal("SIGCONT");
    this.#note(member, "went on");
  }

  #note({ index, life }: Member, kind: ProcessEvent["kind"]): void {
    this.#deeds.push({ at: this.#now(), who: `${index + 1}.${life}`, kind });
  }

  /** Lets a process end. Of one that can't, the checkers tell what it waits for. */
  async #end(worker: Worker): Promise<void> {
    worker.tell("end");
    const code = await within(systemClock, 10_000, worker.ended());
    if (code === undefined) worker.signal("SIGKILL");
    else if (code !== 0) throw new Error(`A process ended with ${code}`);
  }

  /** What a process said, in the time of this world. */
  #told({ facts }: Worker): readonly HistoryEvent[] {
    const since = this.#startedAt;
    return (facts as unknown as readonly RequestEvent[]).map(({ heldUntil, ...event }) => ({
      ...event,
      at: event.at - since,
      ...(heldUntil === undefined ? {} : { heldUntil: heldUntil - since }),
    }));
  }

  /** Takes away what outlasts those who put it, such as the counts of latches. */
  async #endLasting(etcd: Etcd): Promise<void> {
    const { stdout } = await this.#options.server.etcdctl("lease", "list");
    for (const line of stdout.split("\n").slice(1).filter(Boolean)) {
      const id = BigInt(`0x${line}`);
      const { grantedTtl } = await etcd.leaseTimeToLive({ id });
      if (grantedTtl > 900n) await etcd.leaseRevoke(id);
    }
  }

  /** What is still in etcd when the leases of the dead must have ended. */
  async #leftovers(witness: Witness): Promise<readonly string[]> {
    const { server } = this.#options;
    const deadline = this.#now() + ttlMs + 3_000;
    for (;;) {
      const { stdout } = await server.etcdctl("lease", "list");
      const leases = stdout.split("\n").slice(1).filter(Boolean);
      // One is the witness's.
      const watchers = (await metric(server, "mvcc_watcher_total")) - 1;
      const left = [
        ...witness.keys(),
        ...leases.map((id) => `lease ${id}`),
        ...(watchers > 0 ? [`${watchers} watchers`] : []),
      ];
      if (left.length === 0 || this.#now() > deadline) return left;
      await pause(100);
    }
  }
}
