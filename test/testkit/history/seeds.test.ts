import { expect, it } from "vitest";
import { sleep } from "../../../src/clock.ts";
import { connect, type Hold, type Locks } from "../../../src/index.ts";
import {
  History,
  type ProcessClock,
  type Random,
  type Resource,
  SimulatedClock,
  SimulatedCluster,
  SimulatedNetwork,
  seededRandom,
} from "../../../src/testkit/index.ts";

const ttlMs = 6_000;
const seeds = Array.from({ length: 20 }, (_, index) => index + 1);

interface Service {
  readonly locks: Locks;
  readonly clock: ProcessClock;
  readonly end: AbortSignal;
  readonly random: Random;
  readonly resources: Readonly<Record<string, Resource>>;
  /** Whether it stops when it is told that it has lost a lock. */
  readonly heeds: boolean;
}

/** Asks for one kind of lock after the other, and writes to what they protect. */
async function serve({ locks, clock, end, random, resources, heeds }: Service): Promise<void> {
  const work = async ({ names, fencingToken, signal }: Hold): Promise<void> => {
    const untilMs = clock.now() + random() * 12_000;
    while (clock.now() < untilMs && !(heeds && signal.aborted)) {
      for (const name of names) resources[name]?.write(fencingToken);
      await sleep(clock, random() * 1_000, heeds ? signal : undefined);
    }
  };
  const ways: readonly (() => Promise<unknown>)[] = [
    () => locks.run("a", { signal: end }, work),
    () => locks.run(["b", "a"], { signal: end, waitMs: 2_000 }, work),
    () => locks.rwLock("c").read.run({ signal: end }, work),
    () => locks.rwLock("c").write.run({ signal: end }, work),
    () => locks.semaphore("d", 3).run({ signal: end, permits: 1 + Math.floor(random() * 3) }, work),
    async () => {
      const hold = await locks.tryAcquire("b", { signal: end });
      if (hold) await work(hold).finally(() => hold.release());
    },
  ];
  while (!end.aborted) {
    await ways[Math.floor(random() * ways.length)]?.().catch(() => {});
    await sleep(clock, random() * 500);
  }
}

/** Lets three replicas live through what a seed draws. */
async function trial(seed: number, heeds: boolean): Promise<History> {
  const random = seededRandom(seed);
  const clock = new SimulatedClock();
  const cluster = new SimulatedCluster({ clock });
  const history = new History({ store: cluster, clock });
  const resources = Object.fromEntries(
    ["a", "b", "c", "d"].map((name) => [name, history.resource(name)]),
  );
  const end = new AbortController();
  const replica = async (who: string) => {
    const process = clock.process({ rate: 0.999 + random() * 0.002, startsAtMs: random() * 1e6 });
    const network = new SimulatedNetwork(cluster, { clock, process, seed: random });
    const connecting = connect({ store: network, clock: process, ttlMs, nodeId: who });
    await clock.advance(100);
    const locks = history.record(await connecting, who);
    const strands = [1, 2].map(() =>
      serve({ locks, clock: process, end: end.signal, random, resources, heeds }),
    );
    return { who, process, network, locks, strands };
  };
  const replicas = [await replica("one"), await replica("two"), await replica("three")];
  for (let fault = 0; fault < 12; fault++) {
    const index = Math.floor(random() * replicas.length);
    const victim = replicas[index] as (typeof replicas)[number];
    const { process, network, who } = victim;
    network.faultRate = random() * 0.3;
    const faults = [
      () => process.pause(),
      () => network.cut(),
      () => cluster.elect(),
      () => cluster.stallLeader(),
      () => process.kill(),
    ];
    faults[Math.floor(random() * faults.length)]?.();
    if (process.isDead) network.vanish();
    await clock.advance(random() * 12_000);
    network.mend();
    await process.resume();
    if (cluster.isStalled) {
      cluster.elect();
      await clock.advance(random() * 3_000);
      cluster.resume();
    }
    if (process.isDead) replicas[index] = await replica(who);
  }
  end.abort();
  await clock.advance(4 * ttlMs);
  const closing = Promise.all(replicas.map(({ locks }) => locks.close()));
  await clock.advance(4 * ttlMs);
  await closing;
  await Promise.all(replicas.flatMap(({ strands }) => strands));
  return history;
}

it("blames no service that stops when it is told, whatever goes wrong", async () => {
  let losses = 0;
  for (const seed of seeds) {
    const history = await trial(seed, true);
    expect(await history.violations(), `seed ${seed}`).toEqual([]);
    losses += history.requests.filter(({ end }) => end === "lost").length;
  }
  expect(losses).toBeGreaterThan(seeds.length);
}, 60_000);

it("catches one that does not, by the clock and at what the lock protects", async () => {
  const wrongs = [
    "Two held at once",
    "A smaller token wrote after a larger one",
    "Some held at once who don't go together",
  ];
  const seen = new Set<string | undefined>();
  for (let seed = 1; !wrongs.every((wrong) => seen.has(wrong)); seed++) {
    expect(seed, `seen: ${[...seen].join(", ")}`).toBeLessThan(200);
    const stories = await (await trial(seed, false)).violations();
    for (const story of stories) seen.add(story.split(":")[0]);
  }
}, 60_000);
