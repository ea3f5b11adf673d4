import type { Clock } from "../../src/clock.ts";

/** A clock whose delays are a hundred times shorter, so that nobody has to wait for seconds. */
export const hastyClock: Clock = {
  now: () => performance.now() * 100,
  wallTime: () => Date.now(),
  setTimer(delayMs, wake) {
    const timer = setTimeout(wake, delayMs / 100);
    return () => clearTimeout(timer);
  },
};
