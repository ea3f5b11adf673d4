import { beforeEach, describe, expect, it } from "vitest";
import { Unanswered } from "../../src/core/unanswered.ts";
import type { ResponseHeader } from "../../src/etcd/api.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("what is not answered yet", () => {
  const never = (): Promise<never> => new Promise(() => {});
  let clock: SimulatedClock;
  let probes: number[];
  let answerOfProbes: () => Promise<{ header: ResponseHeader }>;
  let unanswered: Unanswered;

  const header = (raftTerm: bigint): ResponseHeader => ({
    clusterId: 1n,
    memberId: 1n,
    revision: 1n,
    raftTerm,
  });
  const answerAfter =
    (ms: number, raftTerm = 5n) =>
    () =>
      new Promise<{ header: ResponseHeader }>((resolve) => {
        clock.setTimer(ms, () => resolve({ header: header(raftTerm) }));
      });

  beforeEach(() => {
    clock = new SimulatedClock();
    probes = [];
    answerOfProbes = never;
    unanswered = new Unanswered(clock, 5n, async () => {
      probes.push(clock.now());
      return (await answerOfProbes()).header;
    });
  });

  it("asks every 100 ms whether etcd answers", async () => {
    const start = clock.now();
    unanswered.wait(never);
    await clock.advance(350);
    expect(probes.map((at) => at - start)).toEqual([100, 200, 300]);
  });

  it("asks nothing while there are answers, or nobody waits", async () => {
    const waiting = unanswered.wait(answerAfter(180));
    for (let round = 0; round < 3; round++) unanswered.wait(answerAfter(60 * (round + 1)));
    await clock.advance(180);
    await waiting;
    await clock.advance(1_000);
    expect(probes).toEqual([]);
  });

  it("asks no sooner than after twice what the quickest answer took", async () => {
    const quickest = unanswered.wait(answerAfter(90));
    await clock.advance(90);
    await quickest;
    const start = clock.now();
    unanswered.wait(answerAfter(170));
    await clock.advance(170);
    expect(probes).toEqual([]);
    unanswered.wait(never);
    await clock.advance(400);
    expect(probes.map((at) => at - start)).toEqual([350, 530]);
  });

  it("gives up what was sent before what is answered in a later term, and nothing else", async () => {
    const caught = unanswered.wait(never);
    const told = expect(caught).rejects.toThrow("etcd has another leader since");
    answerOfProbes = answerAfter(50, 6n);
    await clock.advance(120);
    const sentLater = unanswered.wait(answerAfter(500, 6n));
    await clock.advance(30);
    await told;
    await clock.advance(500);
    await expect(sentLater).resolves.toMatchObject({ header: header(6n) });
  });

  it("gives up nothing while the term is the same", async () => {
    const slow = unanswered.wait(answerAfter(5_000));
    answerOfProbes = answerAfter(1);
    await clock.advance(5_000);
    await expect(slow).resolves.toMatchObject({ header: header(5n) });
  });
});
