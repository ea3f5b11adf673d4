import { describe, expect, it } from "vitest";
import { SimulatedClock } from "../../src/testkit/index.ts";

describe("a simulated clock", () => {
  it("fires timers in the order of their time, and those of one moment in that in which they were set", async () => {
    const clock = new SimulatedClock();
    const fired: string[] = [];
    for (const [name, ms] of Object.entries({ late: 20, first: 10, second: 10 })) {
      clock.setTimer(ms, () => fired.push(`${name} at ${clock.now()}`));
    }

    await clock.advance(15);
    await clock.advance(15);

    expect(fired).toEqual(["first at 10", "second at 10", "late at 20"]);
    expect(clock.timerCount).toBe(0);
  });

  it("comes to the end of a wait, though what is left of it is less than numbers can tell", async () => {
    const clock = new SimulatedClock();
    await clock.advance(8_220.448926830264);
    const endsAt = clock.now() + 1e-9;
    let looks = 0;
    const look = (): void => {
      looks += 1;
      if (looks < 100 && clock.now() < endsAt) clock.setTimer(endsAt - clock.now() || 1e-13, look);
    };
    clock.setTimer(1e-13, look);

    await clock.advance(1);

    expect(looks).toBeLessThan(100);
  });

  it("shows another time of day after a jump of that, and the same time otherwise", () => {
    const clock = new SimulatedClock();
    const process = clock.process();
    const before = process.wallTime();

    clock.jumpWallTime(5_000);
    process.jumpWallTime(-60_000);

    expect(process.wallTime()).toBe(before - 55_000);
    expect(process.now()).toBe(0);
  });
});

describe("a process's clock", () => {
  it("runs at its own rate, and never wakes anybody before its time", async () => {
    const clock = new SimulatedClock();
    const fast = clock.process({ rate: 1.1, startsAtMs: 500 });
    let wokenAt = 0;
    fast.setTimer(777, () => {
      wokenAt = fast.now();
    });

    await clock.advance(1_000);

    expect(wokenAt).toBeGreaterThanOrEqual(1_277);
    expect(wokenAt).toBeLessThan(1_278);
    expect(fast.now()).toBeCloseTo(1_600);
  });

  it("wakes nobody while the process is stopped, and then all, in order, unless called off", async () => {
    const clock = new SimulatedClock();
    const process = clock.process();
    const woken: number[] = [];
    const cancel = process.setTimer(30, () => woken.push(30));
    process.setTimer(20, () => {
      woken.push(20);
      cancel();
    });
    process.setTimer(10, () => woken.push(10));

    process.pause();
    await clock.advance(50);
    const whileStopped = [...woken];
    await process.resume();

    expect(whileStopped).toEqual([]);
    expect(woken).toEqual([10, 20]);
  });

  it("leaves no timer when the process is killed", async () => {
    const clock = new SimulatedClock();
    const process = clock.process();
    process.setTimer(10, () => expect.unreachable("it is dead"));

    process.kill();
    process.setTimer(10, () => expect.unreachable("it is dead"));
    await clock.advance(50);

    expect(clock.timerCount).toBe(0);
  });
});
