import { beforeEach, describe, expect, it } from "vitest";
import { sleep } from "../../../src/clock.ts";
import { type ConnectOptions, connect, type Locks } from "../../../src/index.ts";
import {
  exclusion,
  fencedWrites,
  History,
  type ProcessClock,
  type Resource,
  SimulatedClock,
  SimulatedCluster,
  SimulatedNetwork,
} from "../../../src/testkit/index.ts";

/** A replica of a service: its process, and its way to the store. */
interface Replica {
  readonly locks: Locks;
  readonly process: ProcessClock;
  readonly network: SimulatedNetwork;
}

/** What a service does about a loss: nothing, look each second, or stop at once. */
type Habit = "heedless" | "slow" | "careful";

const ttlMs = 10_000;

describe("a history of services", () => {
  let clock: SimulatedClock;
  let cluster: SimulatedCluster;
  let history: History;

  beforeEach(() => {
    clock = new SimulatedClock();
    cluster = new SimulatedCluster({ clock });
    history = new History({ store: cluster, clock });
  });

  async function replica(who: string, options: ConnectOptions = {}): Promise<Replica> {
    const process = clock.process();
    const network = new SimulatedNetwork(cluster, { clock, process });
    const connecting = connect({ store: network, clock: process, ttlMs, ...options });
    await clock.advance(100);
    return { locks: history.record(await connecting, who), process, network };
  }

  async function close(...replicas: readonly Replica[]): Promise<void> {
    for (const { network, process } of replicas) {
      network.mend();
      await process.resume();
    }
    const closing = Promise.all(replicas.map(({ locks }) => locks.close()));
    await clock.advance(2 * ttlMs);
    await closing;
  }

  /** Writes to the ledger each second while it has the lock, twenty times or for as long as it can. */
  function work({ locks, process }: Replica, ledger: Resource, habit: Habit): Promise<void> {
    const working = locks.run("ledger", async (hold) => {
      for (let second = 0; second < 20; second++) {
        if (habit !== "heedless" && hold.signal.aborted) return;
        ledger.write(hold.fencingToken);
        await sleep(process, 1_000, habit === "careful" ? hold.signal : undefined);
      }
    });
    return working.catch(() => {});
  }

  it("says nothing of services that take turns", async () => {
    const [one, two] = [await replica("one"), await replica("two")];
    const ledger = history.resource("ledger");

    const works = [work(one, ledger, "careful"), work(two, ledger, "careful")];
    await clock.advance(60_000);
    await Promise.all(works);
    await close(one, two);

    expect(history.requests.map(({ who, end }) => `${who} ${end}`)).toEqual([
      "one/1 left",
      "two/1 left",
    ]);
    expect(history.writes).toHaveLength(40);
    expect(await history.violations()).toEqual([]);
  });

  it.each<[Habit, number, RegExp | undefined]>([
    [
      "heedless",
      0,
      /^Two held at once:\n.*one\/1 .*\(expired\), worked on until 20206.*\n.*two\/1/,
    ],
    ["slow", 0, /^Two held at once:\n.*one\/1 .*\(expired\), worked on until 10206.*\n.*two\/1/],
    ["slow", 2_000, undefined],
    ["careful", 0, undefined],
  ])(
    "judges a %s service with a delay of %d ms as it is cut off",
    async (habit, lockDelayMs, wrong) => {
      const [one, two] = [await replica("one", { lockDelayMs }), await replica("two")];
      const ledger = history.resource("ledger");

      void work(one, ledger, habit);
      await clock.advance(1_500);
      const next = work(two, ledger, "careful");
      one.network.cut();
      await clock.advance(60_000);
      await next;
      await close(one, two);

      const story = exclusion(history);
      if (wrong) expect(story).toMatch(wrong);
      else expect(story).toBeUndefined();
      const stories = await history.violations();
      expect(stories).toEqual(
        habit === "heedless" ? [story, fencedWrites(history)] : wrong ? [story] : [],
      );
    },
  );

  it.each<[Habit, boolean, RegExp | undefined]>([
    ["heedless", false, /^A smaller token wrote after.*\n.*two\/1 wrote.*\n.*one\/1 wrote/],
    ["heedless", true, undefined],
    ["slow", false, undefined],
    ["careful", false, undefined],
  ])(
    "judges a %s service, fenced: %s, after its process stood still",
    async (habit, fenced, wrong) => {
      const [one, two] = [await replica("one"), await replica("two")];
      const ledger = history.resource("ledger", { fenced });

      void work(one, ledger, habit);
      await clock.advance(1_500);
      const next = work(two, ledger, "careful");
      one.process.pause();
      await clock.advance(15_000);
      await one.process.resume();
      await clock.advance(60_000);
      await next;
      await close(one, two);

      const story = fencedWrites(history);
      if (wrong) expect(story).toMatch(wrong);
      expect(await history.violations()).toEqual(wrong ? [story] : []);
    },
  );
});
