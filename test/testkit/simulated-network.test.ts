import { beforeEach, describe, expect, it } from "vitest";
import { CompactedError } from "../../src/errors.ts";
import { SimulatedClock, SimulatedCluster, SimulatedNetwork } from "../../src/testkit/index.ts";
import { allKeys, putKey } from "../support/keys.ts";

describe("a simulated network", () => {
  let clock: SimulatedClock;
  let cluster: SimulatedCluster;

  beforeEach(() => {
    clock = new SimulatedClock();
    cluster = new SimulatedCluster({ clock });
  });

  /** What became of twenty puts, and when: the course that a seed takes. */
  async function course(seed: number): Promise<readonly string[]> {
    clock = new SimulatedClock();
    cluster = new SimulatedCluster({ clock });
    const network = new SimulatedNetwork(cluster, { clock, seed, faultRate: 0.6 });
    const outcomes: string[] = [];
    for (let index = 0; index < 20; index++) {
      putKey(network, `key ${index}`).then(
        (revision) => outcomes.push(`${index} at revision ${revision}, ${clock.now()}`),
        (error) => outcomes.push(`${index}: ${error.code}, ${clock.now()}`),
      );
    }
    await clock.advance(20_000);
    return [...outcomes, ...(await allKeys(cluster.store))];
  }

  it("takes the same course with the same seed, and another one with another", async () => {
    const [first, again, other] = [await course(1), await course(1), await course(2)];

    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("loses some requests and the replies to others, and carries out some after they were given up", async () => {
    const outcomes = await course(3);
    const keys = outcomes.filter((line) => line.startsWith("key "));
    const answered = outcomes.filter((line) => line.includes("revision"));

    expect(outcomes.filter((line) => line.includes("STORE_UNAVAILABLE")).length).toBeGreaterThan(2);
    expect(keys.length).toBeGreaterThan(answered.length);
    expect(keys.length).toBeLessThan(20);
  });

  it("is cut one way only when told so", async () => {
    const network = new SimulatedNetwork(cluster, { clock });

    network.cutRequests = true;
    const lost = putKey(network, "lost").catch((error) => error.code);
    await clock.advance(6_000);
    network.mend();
    network.cutReplies = true;
    const unanswered = putKey(network, "unanswered").catch((error) => error.code);
    await clock.advance(6_000);

    expect([await lost, await unanswered]).toEqual(["STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
    expect(await allKeys(cluster.store)).toEqual(["unanswered"]);
  });

  it("tells a watch afterwards, in order, what happened while its replies were cut", async () => {
    const network = new SimulatedNetwork(cluster, { clock });
    const seen: bigint[] = [];
    const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };
    network.watch(everything, {
      onEvents: (events) => seen.push(...events.map(({ kv }) => kv.modRevision)),
      onEnd: (error) => expect(error).toBeInstanceOf(CompactedError),
    });
    await clock.advance(100);

    network.cut();
    for (const key of ["a", "b", "c"]) await putKey(cluster.store, key);
    await clock.advance(100);
    const before = [...seen];
    network.mend();
    await clock.advance(100);
    network.endWatches(new CompactedError(1n));
    await clock.advance(100);

    expect([before, seen]).toEqual([[], [2n, 3n, 4n]]);
    expect(cluster.counts.watches).toBe(0);
  });

  it("goes on at the next member when one does not answer, with its watches", async () => {
    const network = new SimulatedNetwork(cluster.members, { clock, seed: () => 0 });
    const seen: bigint[] = [];
    network.watch(
      { key: Buffer.from("x") },
      {
        onEvents: (events) => seen.push(...events.map(({ kv }) => kv.modRevision)),
        onEnd: () => {},
      },
    );
    await clock.advance(100);

    cluster.stallLeader();
    cluster.elect();
    const refused = network.txn({}, { timeoutMs: 500 }).catch((error) => error.status);
    await clock.advance(600);
    const put = putKey(network, "x");
    await clock.advance(600);

    expect(await refused).toBe("DEADLINE_EXCEEDED");
    expect(seen).toEqual([await put]);
  });

  it("lets nothing through any more once its client has vanished, and keeps no watch", async () => {
    const process = clock.process();
    const network = new SimulatedNetwork(cluster, { clock, process });
    network.watch({ key: Buffer.from("x") }, { onEvents: () => {}, onEnd: () => {} });
    await clock.advance(100);

    process.kill();
    network.vanish();
    void putKey(network, "x");
    await clock.advance(10_000);

    expect(await allKeys(cluster.store)).toEqual([]);
    expect([cluster.counts.watches, clock.timerCount]).toEqual([0, 0]);
  });
});
