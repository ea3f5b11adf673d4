import { attemptMs } from "../../src/core/attempts.ts";
import type { Fault } from "./fault.ts";
import type { Plan } from "./plan.ts";

/** What a run disturbs, and how fast all is that it does not disturb. */
export interface Tempo {
  /** Whether no client is disturbed, nor its way to etcd. */
  readonly isQuiet: boolean;
  /** Whether requests are carried out once, and soon. */
  readonly isSound: boolean;
  /** Whether leaders stall, and nothing else happens. */
  readonly isStallOnly: boolean;
  /** In which whoever is not disturbed hears of something, in milliseconds. */
  readonly promptMs: number;
  /** In which a session has moved away from a leader that others have followed. */
  readonly moveMs: number;
}

// They take from clients what they have, perhaps, but neither their time nor their way to etcd.
const quiet: ReadonlySet<Fault["what"]> = new Set([
  "end watches",
  "jump wall time",
  "delete a key",
  "end a session",
  "force a release",
  "compact",
]);
const unheard: ReadonlySet<Fault["what"]> = new Set([...quiet, "deafen", "delete a key unheard"]);
const stalls: ReadonlySet<Fault["what"]> = new Set(["stall the leader"]);

export function tempoOf(plan: Plan): Tempo {
  const { faults, faultRate, latencyMs, slowMs, theme } = plan;
  const ttlMs = Math.min(plan.ttlMs, plan.longestTtl * 1_000);
  const isInTime = 2 * latencyMs + slowMs < attemptMs(ttlMs);
  const isCalm = isInTime && faultRate === 0 && theme.lingerMs === undefined;
  const isOnly = (kinds: ReadonlySet<Fault["what"]>): boolean =>
    isCalm && faults.every(({ what }) => kinds.has(what));
  // A few round trips, and what is put off for a moment.
  const promptMs = 200 + 12 * latencyMs + 4 * slowMs;
  return {
    // Nobody holds a latch, and who still waits when nobody comes any more is sent away.
    isQuiet: isOnly(quiet) && theme.name !== "latch",
    isSound: isOnly(unheard),
    isStallOnly: isOnly(stalls),
    promptMs,
    // A session hears of another leader by its next renewal.
    moveMs: ttlMs / 2 + promptMs,
  };
}
