import type { Clock } from "microlock";
import type { Lifeline } from "./lifeline.ts";

/**
 * The clock of a replica that can be paused. Its time goes on meanwhile, as it does for a
 * process that is stopped, but its timers fire only afterwards.
 */
export function suspendableClock(lifeline: Lifeline): Clock {
  return {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    setTimer(delayMs, wake, { keepsProcessAlive = true } = {}) {
      let pending = true;
      const cancel = (): void => {
        pending = false;
        clearTimeout(timer);
        forget();
      };
      const timer = setTimeout(
        () =>
          lifeline.deliver(() => {
            // It may have been called off while it was due.
            if (!pending) return;
            cancel();
            wake();
          }),
        delayMs,
      );
      if (!keepsProcessAlive) timer.unref();
      const forget = lifeline.onCut(cancel);
      return cancel;
    },
  };
}
