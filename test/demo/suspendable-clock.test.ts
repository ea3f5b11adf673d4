import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Lifeline } from "../../demo/lifeline.ts";
import { suspendableClock } from "../../demo/suspendable-clock.ts";

describe("suspendableClock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("fires no timer that was called off while it was due", async () => {
    const lifeline = new Lifeline();
    const wake = vi.fn();
    const cancel = suspendableClock(lifeline).setTimer(10, wake);
    lifeline.pause();
    await vi.advanceTimersByTimeAsync(20);

    cancel();
    lifeline.resume();
    await vi.runAllTimersAsync();

    expect(wake).not.toHaveBeenCalled();
  });

  it("leaves no timer behind when its client is cut off", () => {
    const lifeline = new Lifeline();
    suspendableClock(lifeline).setTimer(10, () => {});

    lifeline.cut();

    expect(vi.getTimerCount()).toBe(0);
  });
});
