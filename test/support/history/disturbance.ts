import type { Random } from "../seeded-random.ts";

/** Something that is done to a process from outside. */
export interface Disturbance {
  /** Since everybody was at work. */
  readonly atMs: number;
  /** Which process. */
  readonly index: number;
  readonly what: "kill" | "stop";
  /** Whether to wait until it holds something: the next moment at which it does. */
  readonly asItHolds: boolean;
  /** After which a killed one is started anew, or a stopped one goes on. */
  readonly forMs: number;
}

/** How often what happens. */
export interface DisturbanceOptions {
  readonly processes: number;
  readonly durationMs: number;
  readonly kills: number;
  readonly stops: number;
  /** The longest that a process is stopped: longer than a TTL, for some to lose what they held. */
  readonly longestStopMs: number;
}

/**
 * Kills and pauses at random moments, of random processes. The first quarter of the time is
 * calm, and the last one is for the leases of the dead to end.
 */
export function drawDisturbances(
  random: Random,
  { processes, durationMs, kills, stops, longestStopMs }: DisturbanceOptions,
): readonly Disturbance[] {
  const draw = (what: Disturbance["what"], longestMs: number): Disturbance => ({
    atMs: durationMs * (1 / 4 + random() / 2),
    index: Math.floor(random() * processes),
    what,
    asItHolds: random() < 0.5,
    forMs: random() * longestMs,
  });
  const drawn = [
    ...Array.from({ length: kills }, () => draw("kill", 200)),
    ...Array.from({ length: stops }, () => draw("stop", longestStopMs)),
  ];
  return drawn.toSorted((a, b) => a.atMs - b.atMs);
}
