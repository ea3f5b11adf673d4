import type { Clock } from "../../src/clock.ts";
import { settle } from "./simulated-clock.ts";

/**
 * One process's view of a clock that several share. Time goes on while the process is
 * stopped, but nothing wakes it; when it goes on, it finds all at once what it has missed.
 */
export class PausableClock implements Clock {
  readonly #shared: Clock;
  readonly #missed: (() => void)[] = [];
  #isPaused = false;

  constructor(shared: Clock) {
    this.#shared = shared;
  }

  now(): number {
    return this.#shared.now();
  }

  wallTime(): number {
    return this.#shared.wallTime();
  }

  setTimer(delayMs: number, wake: () => void): () => void {
    let isOver = false;
    const fire = (): void => {
      if (this.#isPaused) this.#missed.push(fire);
      else if (!isOver) {
        isOver = true;
        wake();
      }
    };
    const cancel = this.#shared.setTimer(delayMs, fire);
    return () => {
      isOver = true;
      cancel();
    };
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What was missed happens now, in the order in which it came. */
  async resume(): Promise<void> {
    this.#isPaused = false;
    for (const fire of this.#missed.splice(0)) {
      fire();
      await settle();
    }
  }
}
