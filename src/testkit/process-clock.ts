import type { Clock } from "../clock.ts";
import { settle } from "./settle.ts";

/** What becomes of a process. */
export type Fate = "stopped" | "went on" | "died";

/** How the clock of one process differs from that of the world. */
export interface ProcessClockOptions {
  /**
   * How many of its milliseconds go by in one of the world's: 1.001 is fast by a second in a
   * quarter of an hour.
   *
   * @default 1
   */
  readonly rate?: number | undefined;
  /** What it shows when it begins, in milliseconds: the clocks of two machines have nothing in common. @default 0 */
  readonly startsAtMs?: number | undefined;
}

/**
 * One process's view of a clock that several share, made by `SimulatedClock.process()`.
 *
 * Time goes on while the process is stopped, but nothing wakes it; when it goes on, it finds all
 * at once what it has missed. One that is dead finds nothing any more.
 */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #rate: number;
  readonly #startsAtMs: number;
  readonly #bornAt: number;
  readonly #settle: () => Promise<void>;
  readonly #pending = new Set<() => void>();
  readonly #missed = new Set<() => void>();
  readonly #listeners = new Set<(fate: Fate) => void>();
  #wallOffsetMs = 0;
  #state: "runs" | "stopped" | "dead" = "runs";

  /** `world` is the clock that all share. */
  constructor(world: Clock, options?: ProcessClockOptions);
  /** @internal */
  constructor(world: Clock, options?: ProcessClockOptions, letHappen?: () => Promise<void>);
  constructor(
    world: Clock,
    { rate = 1, startsAtMs = 0 }: ProcessClockOptions = {},
    letHappen = settle,
  ) {
    this.#world = world;
    this.#rate = rate;
    this.#startsAtMs = startsAtMs;
    this.#bornAt = world.now();
    this.#settle = letHappen;
  }

  now(): number {
    return this.#startsAtMs + (this.#world.now() - this.#bornAt) * this.#rate;
  }

  wallTime(): number {
    return this.#world.wallTime() + this.#wallOffsetMs;
  }

  setTimer(delayMs: number, wake: () => void): () => void {
    if (this.isDead) return () => {};
    const fire = (): void => {
      this.#pending.delete(cancel);
      if (this.isPaused) this.#missed.add(fire);
      else wake();
    };
    const delayInWorldMs = Math.max(0, delayMs) / this.#rate;
    // Rounding must not let it fire before its time, by the clock of the process.
    const cancelInWorld = this.#world.setTimer(
      this.#rate === 1 ? delayInWorldMs : delayInWorldMs + 0.001,
      fire,
    );
    const cancel = (): void => {
      cancelInWorld();
      this.#pending.delete(cancel);
      this.#missed.delete(fire);
    };
    this.#pending.add(cancel);
    return cancel;
  }

  /** Whether the process is stopped. */
  get isPaused(): boolean {
    return this.#state === "stopped";
  }

  /** Whether the process was killed. */
  get isDead(): boolean {
    return this.#state === "dead";
  }

  /** Stops the process, as SIGSTOP does, or work that keeps its event loop busy. */
  pause(): void {
    if (this.#state !== "runs") return;
    this.#tell("stopped");
    this.#state = "stopped";
  }

  /** The process goes on: what it missed happens now, in the order in which it came. */
  async resume(): Promise<void> {
    if (!this.isPaused) return;
    this.#state = "runs";
    this.#tell("went on");
    // What one of them calls off, or another stop, keeps the rest from happening.
    for (const fire of this.#missed) {
      if (this.#state !== "runs") return;
      this.#missed.delete(fire);
      fire();
      await this.#settle();
    }
  }

  /** Kills the process: none of its timers fires any more. Cut it off from its network as well. */
  kill(): void {
    if (!this.isDead) this.#tell("died");
    this.#state = "dead";
    this.#missed.clear();
    for (const cancel of [...this.#pending]) cancel();
  }

  /** @internal Calls `listener` at once when the process is stopped, goes on or is killed. */
  onFate(listener: (fate: Fate) => void): void {
    this.#listeners.add(listener);
  }

  #tell(fate: Fate): void {
    for (const listener of this.#listeners) listener(fate);
  }

  /** Sets the time of day of this process forward, or back, which its `now` does not notice. */
  jumpWallTime(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}
