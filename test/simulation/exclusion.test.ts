import { describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Hold } from "../../src/core/hold.ts";
import { MicrolockError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import { type FaultyNetwork, faultyNetwork } from "../support/faulty-network.ts";
import { allKeys } from "../support/keys.ts";
import { type Random, seededRandom } from "../support/seeded-random.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

const { SEEDS = "300", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const firstSeed = Number(SEED);

/** What a run of the simulation came to. */
interface Outcome {
  readonly entered: number;
  readonly stuck: number;
  readonly left: readonly string[];
}

/**
 * Clients in one process of time, each behind a network of its own, ask for one lock again
 * and again: some wait for a while only, some change their minds, some are cut off. At
 * every moment at most one of them may believe.
 */
async function simulate(seed: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const clock = new SimulatedClock();
  const store = new EmbeddedEtcd({ clock });
  const holds = new Set<Hold>();
  let highestToken = 0n;
  let entered = 0;
  let working = 0;

  const check = (): void => {
    const held = [...holds].filter((hold) => hold.held);
    if (held.length > 1) {
      const story = held.map(({ key }) => key).join(" and ");
      throw new Error(`seed ${seed}: two holders at ${clock.now()}: ${story}`);
    }
  };
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => clock.setTimer(ms, () => resolve()));

  const useOnce = async (locks: Locks): Promise<void> => {
    const controller = new AbortController();
    if (random() < 0.2)
      clock.setTimer(random() * 4_000, () => controller.abort(new Error("enough")));
    const { signal } = controller;
    const ask = random();
    const hold =
      ask < 0.2
        ? await locks.tryAcquire("x", { signal })
        : await locks.acquire("x", ask < 0.5 ? { signal, waitMs: random() * 3_000 } : { signal });
    if (!hold) return;
    holds.add(hold);
    check();
    if (hold.held) {
      entered += 1;
      if (hold.fencingToken <= highestToken) throw new Error(`seed ${seed}: a token fell`);
      highestToken = hold.fencingToken;
    }
    await sleep(random() * 300);
    check();
    try {
      if (random() < 0.3) await hold.put("resource", "written");
    } finally {
      await hold.release().finally(() => holds.delete(hold));
    }
  };

  const worker = async (locks: Locks): Promise<void> => {
    working += 1;
    for (let round = 0; round < 6; round++) {
      try {
        await useOnce(locks);
      } catch (error) {
        if (!(error instanceof MicrolockError) && (error as Error).message !== "enough")
          throw error;
      }
      await sleep(random() * 500);
    }
    working -= 1;
  };

  const networks: FaultyNetwork[] = [];
  const clients: Locks[] = [];
  for (let index = 0; index < 3; index++) {
    const network = faultyNetwork(store, clock, random);
    networks.push(network);
    const connecting = connect({ store: network, clock, ttlMs: 6_000 });
    await clock.advance(100);
    clients.push(await connecting);
  }
  const faultRate = random() * 0.3;
  for (const network of networks) network.faultRate = faultRate;
  const workers = clients.flatMap((locks) => [worker(locks), worker(locks)]);
  const failed = Promise.all(workers).then(
    () => undefined,
    (error: unknown) => error,
  );

  for (let step = 0; step < 400 && working > 0; step++) {
    disturb(networks, random);
    await clock.advance(200);
    check();
  }
  for (const network of networks) Object.assign(network, { faultRate: 0, cut: false });
  for (let step = 0; step < 600 && working > 0; step++) {
    await clock.advance(200);
    check();
  }
  const stuck = working;
  const closing = Promise.all(clients.map((locks) => locks.close()));
  await clock.advance(30_000);
  await closing;
  const error = await Promise.race([failed, Promise.resolve(undefined)]);
  if (error) throw error;
  return { entered, stuck, left: (await allKeys(store)).filter((key) => key !== "resource") };
}

function disturb(networks: readonly FaultyNetwork[], random: Random): void {
  for (const network of networks) {
    if (random() < 0.01) network.cut = true;
    else if (network.cut && random() < 0.05) network.cut = false;
  }
}

describe("contenders behind faulty networks", () => {
  it(`never have two holders, get stuck, or leave anything behind (${seeds} seeds)`, async () => {
    let entered = 0;
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const outcome = await simulate(seed);
      expect({ seed, stuck: outcome.stuck, left: outcome.left }).toEqual({
        seed,
        stuck: 0,
        left: [],
      });
      entered += outcome.entered;
    }
    expect(entered).toBeGreaterThan(seeds * 5);
  }, 120_000);
});
