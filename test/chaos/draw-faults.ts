import type { Random } from "../support/seeded-random.ts";
import { type Drawing, drawAdmin, drawClient, drawCluster } from "./draw-fault.ts";
import type { AdminFault, ClientFault, ClusterFault, Fault } from "./fault.ts";

/** How long a run is, and what it must bear. All in milliseconds. */
export interface ScheduleOptions {
  readonly durationMs: number;
  readonly clients: number;
  /** How long nothing happens to the cluster after every third fault, and at the end. */
  readonly calmMs: number;
}

const warmUpMs = 2_500;
const shortCalmMs = 2_500;

/**
 * What happens in a run: the same seed draws the same. There are three tracks at once. To the
 * cluster one thing happens after the other, with calm phases between; to clients, and by the
 * administrator, other things meanwhile, though never two to one client at once.
 *
 * What comes first in each track is there in the shortest run: the leader is stopped for 7 s and
 * killed, nodes are cut off from each other one way, clients are killed, stopped and cut off, a lease
 * is revoked, and etcd compacted.
 */
export function drawFaults(random: Random, options: ScheduleOptions): readonly Fault[] {
  const endMs = options.durationMs - options.calmMs;
  const faults = [
    ...clusterTrack(random, endMs, options.calmMs),
    ...clientTrack(random, endMs, options.clients),
    ...adminTrack(random, endMs),
  ];
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

function clusterTrack(random: Random, endMs: number, calmMs: number): readonly Fault[] {
  const faults: Fault[] = [];
  const drawings = bags(random, drawCluster.first, drawCluster.all);
  let misses = 0;
  for (let atMs = warmUpMs; misses < 10; ) {
    const { what, forMs } = drawn<ClusterFault>(random, drawings);
    if (atMs + forMs > endMs) {
      misses++;
      continue;
    }
    faults.push({ atMs, forMs, to: "cluster", what });
    // The first one is the stopped leader or a killed one: what comes of it shall be seen in calm.
    atMs += forMs + (faults.length % 3 === 1 ? calmMs : shortCalmMs + random() * 1_000);
  }
  return faults;
}

function clientTrack(random: Random, endMs: number, clients: number): readonly Fault[] {
  const faults: Fault[] = [];
  const freeAt = Array<number>(clients).fill(0);
  const drawings = bags(random, drawClient.first, drawClient.all);
  for (let atMs = warmUpMs; atMs < endMs; atMs += 1_000 + random() * 3_000) {
    const free = [...freeAt.keys()].filter((client) => (freeAt[client] ?? 0) <= atMs);
    const client = free[Math.floor(random() * free.length)];
    if (client === undefined) continue;
    const { draw } = drawings.next().value as Drawing<ClientFault>;
    const { what, forMs } = draw(random, client);
    if (atMs + forMs > endMs) continue;
    faults.push({ atMs, forMs, to: "client", what });
    if ("client" in what) freeAt[client] = atMs + forMs + 2_000;
  }
  return faults;
}

function adminTrack(random: Random, endMs: number): readonly Fault[] {
  const faults: Fault[] = [];
  const drawings = bags(random, drawAdmin.first, drawAdmin.all);
  for (let atMs = warmUpMs + 1_000; atMs < endMs; atMs += 2_000 + random() * 4_000) {
    faults.push({ atMs, to: "locks", ...drawn<AdminFault>(random, drawings) });
  }
  return faults;
}

function drawn<What>(
  random: Random,
  drawings: Iterator<Drawing<What>>,
): { readonly what: What; readonly forMs: number } {
  const { draw } = drawings.next().value as Drawing<What>;
  return draw(random, 0);
}

/** Those that come first, shuffled, and then all, shuffled again and again: none is left out for long. */
function* bags<T>(random: Random, first: readonly T[], all: readonly T[]): Generator<T, never> {
  yield* shuffled(random, first);
  yield* shuffled(
    random,
    all.filter((each) => !first.includes(each)),
  );
  for (;;) yield* shuffled(random, all);
}

function shuffled<T>(random: Random, items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
