import type { Clock } from "../clock.ts";
import { ProcessClock, type ProcessClockOptions } from "./process-clock.ts";
import { settle } from "./settle.ts";

interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

// As fine as the clocks of machines, in milliseconds.
const nanosecond = 1e-6;

/**
 * A clock that moves when it is told to, and not by itself: a lease of a minute ends in a
 * millisecond, and a test takes the same course each time.
 *
 * ```ts
 * const clock = new SimulatedClock();
 * const store = new SimulatedCluster({ clock });
 * const locks = await connect({ store, clock, ttlMs: 60_000 });
 * await clock.advance(60_000);
 * ```
 *
 * Only what goes by this clock is moved. Whatever waits for sockets, files or the timers of Node.js
 * is not waited for.
 */
export class SimulatedClock implements Clock {
  readonly #timers = new Set<Timer>();
  /** The first of them, if that is known. */
  #first: Timer | undefined;
  readonly #settle: () => Promise<void>;
  #now = 0;
  #wallOffsetMs = 1_800_000_000_000;

  /** @internal */
  constructor({ settle: letHappen = settle }: { settle?: () => Promise<void> } = {}) {
    this.#settle = letHappen;
  }

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  /** Milliseconds since 1970: it begins in January 2027, and goes along with `now`. */
  wallTime(): number {
    return this.#wallOffsetMs + this.#now;
  }

  setTimer(delayMs: number, wake: () => void): () => void {
    // What is left of a delay by the rounding of numbers must not be over before time has passed.
    const ms = delayMs > 0 ? Math.max(delayMs, nanosecond) : 0;
    const timer = { at: this.#now + ms, wake };
    this.#timers.add(timer);
    if (this.#first && timer.at < this.#first.at) this.#first = timer;
    return () => this.#remove(timer);
  }

  /** A view of this clock for one process, which can be stopped, or run fast or slow. */
  process(options?: ProcessClockOptions): ProcessClock {
    return new ProcessClock(this, options, this.#settle);
  }

  /** How many timers have neither fired nor been called off: 0 when nobody waits for anything. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, by `now`; infinity if there is none. */
  get nextTimerAt(): number {
    return this.#next()?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Lets `ms` milliseconds pass, and whatever they set off happen, timer by timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    while (this.nextTimerAt <= end) await this.step();
    this.#now = Math.max(this.#now, end);
    await this.#settle();
  }

  /** Goes on to the next timer, lets it fire, and lets happen what that sets off. */
  async step(): Promise<void> {
    const next = this.#next();
    if (!next) return;
    this.#now = Math.max(this.#now, next.at);
    this.#remove(next);
    next.wake();
    await this.#settle();
  }

  /** Lets time pass all at once, as for a machine that is suspended: no timer fires meanwhile. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Sets the time of day forward, or back, which `now` does not notice. */
  jumpWallTime(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  #remove(timer: Timer): void {
    this.#timers.delete(timer);
    if (timer === this.#first) this.#first = undefined;
  }

  /** Of those that are due at once, the one that was set first. */
  #next(): Timer | undefined {
    if (this.#first) return this.#first;
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.at < next.at) next = timer;
    }
    this.#first = next;
    return next;
  }
}
