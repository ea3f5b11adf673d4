import { uptime } from "node:os";
import { abortable } from "./signals.ts";

/**
 * Where microlock takes the time from, and whom it asks to be woken.
 *
 * Pass one of your own in tests, to let a lease of a minute end in a millisecond.
 */
export interface Clock {
  /** Milliseconds since some fixed moment. It never goes back, whatever happens to the time of day. */
  now(): number;

  /** Milliseconds since 1970, for people to read. Nothing is ever decided by it. */
  wallTime(): number;

  /**
   * Calls `wake` once, `delayMs` milliseconds from now or a little later.
   *
   * @returns the function that calls it off; calling that late or twice does nothing.
   */
  setTimer(delayMs: number, wake: () => void, options?: TimerOptions): () => void;
}

/** How a timer behaves towards the process. */
export interface TimerOptions {
  /**
   * Whether the process stays alive until the timer has fired. What somebody waits for
   * does, housekeeping does not.
   *
   * @default true
   */
  readonly keepsProcessAlive?: boolean | undefined;
}

/** Resolves once `ms` milliseconds are over, or rejects with the signal's reason as soon as it aborts. */
export function sleep(
  clock: Clock,
  ms: number,
  signal?: AbortSignal | undefined,
  options?: TimerOptions,
): Promise<void> {
  let cancel = (): void => {};
  const over = new Promise<void>((resolve) => {
    cancel = clock.setTimer(Math.max(ms, 0), resolve, options);
  });
  return abortable(over, signal).finally(cancel);
}

/** Resolves as `promise` does, or with nothing once `ms` milliseconds are over. */
export async function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  options?: TimerOptions,
): Promise<T | undefined> {
  let cancel = (): void => {};
  const over = new Promise<undefined>((resolve) => {
    cancel = clock.setTimer(ms, () => resolve(undefined), options);
  });
  return Promise.race([promise, over]).finally(cancel);
}

// Nothing depends on how long it is.
const awakeMs = 60_000;

/**
 * Keeps the process alive for as long as somebody waits for something that no timer or socket
 * does so for. Returns the function that ends it.
 */
export function stayAwake(clock: Clock): () => void {
  let cancel = (): void => {};
  const arm = (): void => {
    cancel = clock.setTimer(awakeMs, arm);
  };
  arm();
  return () => cancel();
}

// The longest delay that Node's timers take; a longer one would fire at once.
const longestDelayMs = 2_147_483_647;

/** Three ways in which a machine tells the time, in milliseconds. */
export interface TimeSources {
  /** Never goes back, and stands still while a machine that runs Linux is suspended. */
  monotonic(): number;
  /** The time of day, which people and servers set. */
  wallTime(): number;
  /** Since the machine was started, whether it was suspended or not. It may be coarse and slow to ask. */
  uptime(): number;
}

// Nobody is suspended and back sooner; a time of day that is kept right goes wrong by less at a time.
const noticeMs = 250;

/** A clock that goes on while the machine is suspended. */
export interface SuspensionClock extends Clock {
  /** What it has counted of that. A clock of another thread that begins with it tells the same time. */
  readonly suspendedMs: number;
}

/**
 * A clock that goes on while the machine is suspended. Whether it was is asked only when the time of day
 * has moved by itself, since asking costs more than all else here; that it was set changes nothing.
 */
export function clockOf(
  { monotonic, wallTime, uptime }: TimeSources,
  suspendedBeforeMs = 0,
): SuspensionClock {
  let suspendedMs = suspendedBeforeMs;
  let wallAhead = wallTime() - monotonic();
  let uptimeAhead = uptime() - monotonic();
  const now = (): number => {
    const awakeFor = monotonic();
    const ahead = wallTime() - awakeFor;
    if (Math.abs(ahead - wallAhead) > noticeMs) {
      wallAhead = ahead;
      const jumpMs = uptime() - awakeFor - uptimeAhead;
      if (jumpMs > noticeMs) {
        suspendedMs += jumpMs;
        uptimeAhead += jumpMs;
      }
    }
    return awakeFor + suspendedMs;
  };
  return {
    get suspendedMs() {
      return suspendedMs;
    },
    now,
    wallTime,
    setTimer(delayMs, wake, { keepsProcessAlive = true } = {}) {
      const endsAt = now() + delayMs;
      let timer: NodeJS.Timeout;
      const arm = (): void => {
        const leftMs = endsAt - now();
        timer = setTimeout(
          () => (leftMs > longestDelayMs ? arm() : wake()),
          Math.min(Math.max(leftMs, 0), longestDelayMs),
        );
        if (!keepsProcessAlive) timer.unref();
      };
      arm();
      return () => clearTimeout(timer);
    },
  };
}

/** What the machine itself says. */
export const machineTime: TimeSources = {
  // The same clock as that of `performance`, which takes a new process a millisecond to load.
  monotonic() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1_000 + nanoseconds / 1_000_000;
  },
  wallTime: () => Date.now(),
  uptime: () => uptime() * 1_000,
};

/** The process's own clock and timers. */
export const systemClock: SuspensionClock = clockOf(machineTime);
