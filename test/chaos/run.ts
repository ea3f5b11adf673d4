import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { EtcdBinaries } from "../../scripts/etcd-version.mjs";
import { connect } from "../../src/connect.ts";
import type { HistoryEvent } from "../../src/testkit/history/event.ts";
import { seededRandom } from "../support/seeded-random.ts";
import type { ClientProcess } from "./client-process.ts";
import { ClientWays } from "./client-ways.ts";
import { Crew, longestTtlMs } from "./crew.ts";
import type { Deed } from "./deed.ts";
import { drawFaults } from "./draw-faults.ts";
import type { Fault } from "./fault.ts";
import { Ledger } from "./ledger.ts";
import { LedgerServer } from "./ledger-server.ts";
import { leftoversOf } from "./leftovers.ts";
import { Monitor } from "./monitor.ts";
import { Nemesis } from "./nemesis.ts";
import { Nodes } from "./nodes.ts";
import { Onlooker } from "./onlooker.ts";
import { Prober } from "./prober.ts";
import type { RunRecord } from "./run-record.ts";

/** What a run is like. */
export interface RunOptions {
  readonly binaries: EtcdBinaries;
  readonly seed: number;
  readonly durationMs: number;
  /** Whether the ledger takes any token, to see that it is noticed. */
  readonly isBroken: boolean;
  readonly onDeed: (deed: Deed) => void;
}

const clients = 8;
/** Until all that a fault has done must be over: a TTL, an election, two seconds, and some more. */
const calmMs = longestTtlMs + 4_000;
const longestEndMs = 20_000;
const longestWarmUpMs = 15_000;

/** What will happen in a run. */
function scheduleOf({
  seed,
  durationMs,
}: Pick<RunOptions, "seed" | "durationMs">): readonly Fault[] {
  return drawFaults(seededRandom(seed), { durationMs, clients, calmMs });
}

/** Starts everything, lets it work while a nemesis does what the seed says, ends it, and tells it all. */
export async function run(options: RunOptions): Promise<RunRecord> {
  const { binaries, seed, durationMs, isBroken, onDeed } = options;
  const beganAt = machineTime();
  const now = (): number => machineTime() - beganAt;
  const random = seededRandom(seed + 1);
  const nodes = await Nodes.start(binaries, random);
  const lag = monitorEventLoopDelay({ resolution: 10 });
  const ways: ClientWays[] = [];
  try {
    const { endpoints } = nodes;
    const ledger = new Ledger(!isBroken);
    const server = await LedgerServer.start(ledger, now);
    const onlooker = await Onlooker.open(endpoints, now);
    const locks = await connect(endpoints, { nodeId: "administrator", ttlMs: longestTtlMs });
    const crew = new Crew({ seed, ledgerUrl: server.url, now });
    for (let index = 0; index < clients; index++) {
      ways.push(await ClientWays.open(endpoints, random));
      crew.add(ways[index] as ClientWays);
    }
    const ready = Promise.all(crew.members.map(({ process }) => process.ready));
    await Promise.race([ready, sleep(longestWarmUpMs)]);
    const monitor = new Monitor(nodes, now);
    const prober = await Prober.start(endpoints, now);
    const writer = (): string | undefined => ledger.busyWith;
    const stage = { nodes, onlooker, locks, random, crew, writer, now, onDeed };
    const nemesis = new Nemesis(stage);

    lag.enable();
    const startedAt = now();
    await nemesis.act(scheduleOf(options));
    await sleep(Math.max(startedAt + durationMs - now(), calmMs));
    const badEnds = await crew.finish(longestEndMs);
    const endedAt = now();
    lag.disable();
    await Promise.all([monitor.close(), prober.close(), locks.close()]);
    const leftovers = await leftoversOf(onlooker, nodes);
    const { witness, seen } = onlooker;
    const { entries, partyEntries, writes } = witness;
    await Promise.all([onlooker.close(), server.close()]);
    const told = crew.processes.flatMap((process) => eventsOf(process, beganAt));
    return {
      ...{ seed, etcd: binaries.version, clients, startedAt, endedAt, leftovers, badEnds },
      history: [...told.filter(({ kind }) => kind !== "added"), ...crew.deeds] as HistoryEvent[],
      added: told.flatMap(({ kind, item }) => (kind === "added" && item ? [item] : [])),
      ...{ entries, partyEntries, writes, seen },
      ledger: { events: ledger.events, items: ledger.items },
      ...{ deeds: nemesis.deeds, elections: nemesis.elections },
      ...{ probes: prober.probes, states: monitor.states },
      ttlOf: (who) => crew.ttlOf(who),
      ownLagMs: lag.max / 1e6,
    };
  } finally {
    await nodes.stop();
    await Promise.all(ways.map((way) => way.close()));
  }
}

/** The same clock for all processes of this machine. */
function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

type Told = Omit<HistoryEvent, "kind"> & {
  readonly kind: string;
  readonly heldUntil?: number;
  readonly item?: string;
};

/** What a client said, in the time of this run. */
function eventsOf({ lines }: ClientProcess, beganAt: number): readonly Told[] {
  return lines.flatMap((line) => {
    // One that was killed may not have finished its last line.
    if (!line.endsWith("}")) return [];
    const { heldUntil, ...event } = JSON.parse(line) as Told;
    const until = heldUntil === undefined ? {} : { heldUntil: heldUntil - beganAt };
    return [{ ...event, at: event.at - beganAt, ...until }];
  });
}
