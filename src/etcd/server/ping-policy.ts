import type { Clock } from "../../clock.ts";

// As etcd has it: not more often than every five seconds while calls are under way, and every
// two hours while none are. Two are let pass.
const busyMs = 5_000;
const idleMs = 7_200_000;
const strikesMax = 2;

/** Tells who pings so often that it does harm. */
export class PingPolicy {
  readonly #clock: Clock;
  #lastAt = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  #isForgiven = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something was sent: a client may ask after it, and does so to measure the line. */
  forgive(): void {
    this.#isForgiven = true;
  }

  /** Takes note of a ping, and says whether it is one too many. */
  isTooMuch(openCalls: number): boolean {
    const now = this.#clock.now();
    const sinceMs = now - this.#lastAt;
    this.#lastAt = now;
    if (this.#isForgiven) {
      this.#isForgiven = false;
      this.#strikes = 0;
      return false;
    }
    if (sinceMs < (openCalls > 0 ? busyMs : idleMs)) this.#strikes++;
    return this.#strikes > strikesMax;
  }
}
