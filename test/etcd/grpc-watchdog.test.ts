import { beforeEach, describe, expect, it } from "vitest";
import { nextStep, Watchdog } from "../../src/etcd/grpc/watchdog.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("nextStep", () => {
  const calm = { heardAt: 100, creatingSince: undefined, askedAt: undefined };

  it("asks for a sign of life after five seconds of silence, and waits three for it", () => {
    expect(nextStep(calm)).toEqual({ at: 5_100, ask: true });
    expect(nextStep({ ...calm, askedAt: 5_100 })).toEqual({ at: 8_100, ask: false });
  });

  it("gives a new watch two seconds", () => {
    expect(nextStep({ ...calm, creatingSince: 300 })).toEqual({ at: 2_300, ask: false });
    expect(nextStep({ ...calm, creatingSince: 4_000 })).toEqual({ at: 5_100, ask: true });
  });
});

describe("Watchdog", () => {
  let clock: SimulatedClock;
  let isCreating: boolean;
  let mayBeSilent: boolean;
  let asked: number[];
  let gaveUp: number[];
  let watchdog: Watchdog;

  beforeEach(() => {
    clock = new SimulatedClock();
    isCreating = false;
    mayBeSilent = false;
    asked = [];
    gaveUp = [];
    watchdog = new Watchdog(clock, {
      isCreating: () => isCreating,
      mayBeSilent: () => mayBeSilent,
      ask: () => asked.push(clock.now()),
      giveUp: () => gaveUp.push(clock.now()),
    });
  });

  it("asks when it is quiet, and is content with any answer", async () => {
    await clock.advance(3_000);
    watchdog.hear();
    await clock.advance(5_500);
    expect(asked).toEqual([8_000]);
    watchdog.hear();
    await clock.advance(5_000);
    expect(asked).toEqual([8_000, 13_500]);
    expect(gaveUp).toEqual([]);
  });

  it("gives up when there is no answer", async () => {
    await clock.advance(60_000);
    expect(gaveUp).toEqual([8_000]);
  });

  it("goes on when etcd has a reason to be silent", async () => {
    mayBeSilent = true;
    await clock.advance(14_000);
    expect(asked).toEqual([5_000, 13_000]);
    expect(gaveUp).toEqual([]);
  });

  it("gives up on a new watch after two seconds, counted anew with each that is answered", async () => {
    isCreating = true;
    watchdog.create();
    await clock.advance(1_500);
    watchdog.hear();
    watchdog.created();
    await clock.advance(1_900);
    expect(gaveUp).toEqual([]);
    await clock.advance(200);
    expect(gaveUp).toEqual([3_500]);
  });

  it("is content when all new watches were answered", async () => {
    isCreating = true;
    watchdog.create();
    isCreating = false;
    watchdog.created();
    await clock.advance(4_000);
    expect(gaveUp).toEqual([]);
  });

  it("leaves no timer when it is stopped", () => {
    watchdog.stop();
    watchdog.create();
    expect(clock.timerCount).toBe(0);
  });
});
