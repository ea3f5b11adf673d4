import { beforeEach, describe, expect, it } from "vitest";
import { Heartbeat } from "../../src/etcd/grpc/heartbeat.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

type PingCallback = (error: Error | null, durationMs: number, payload: Buffer) => void;

describe("Heartbeat", () => {
  let clock: SimulatedClock;
  let pings: PingCallback[];
  let isBusy: boolean;
  let deaths: number;
  let heartbeat: Heartbeat;

  beforeEach(() => {
    clock = new SimulatedClock();
    pings = [];
    isBusy = true;
    deaths = 0;
    const session = { ping: (callback: unknown) => pings.push(callback as PingCallback) > 0 };
    heartbeat = new Heartbeat(clock, session, {
      isBusy: () => isBusy,
      onDead: () => {
        deaths++;
      },
    });
  });

  const answer = (): void => pings.at(-1)?.(null, 1, Buffer.alloc(8));

  it("pings after ten seconds of silence while a call is under way, not before", async () => {
    heartbeat.begin();
    await clock.advance(9_999);
    expect(pings).toHaveLength(0);
    await clock.advance(1);
    expect(pings).toHaveLength(1);
  });

  it("does not ping as long as there are answers", async () => {
    heartbeat.begin();
    for (let second = 0; second < 60; second += 5) {
      await clock.advance(5_000);
      heartbeat.hear();
    }
    expect(pings).toHaveLength(0);
  });

  it("does not ping while no call is under way", async () => {
    heartbeat.begin();
    isBusy = false;
    await clock.advance(60_000);
    expect(pings).toHaveLength(0);
    expect(clock.timerCount).toBe(0);
  });

  it("pings at once when a call begins after a long silence", async () => {
    clock.jump(60_000);
    heartbeat.begin();
    await clock.advance(0);
    expect(pings).toHaveLength(1);
  });

  it("goes on, every ten seconds, as long as pings are answered", async () => {
    heartbeat.begin();
    for (let round = 1; round <= 5; round++) {
      await clock.advance(10_000);
      expect(pings).toHaveLength(round);
      answer();
    }
    expect(deaths).toBe(0);
  });

  it("says that the connection is dead when a ping is not answered in five seconds", async () => {
    heartbeat.begin();
    await clock.advance(14_999);
    expect(deaths).toBe(0);
    await clock.advance(1);
    expect(deaths).toBe(1);
  });

  it("leaves no timer when it is stopped, not even by a late answer", async () => {
    heartbeat.begin();
    await clock.advance(10_000);
    heartbeat.stop();
    answer();
    expect(clock.timerCount).toBe(0);
  });
});
