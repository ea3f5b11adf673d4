import type { Progress } from "./progress.ts";
import type { Settlement } from "./settlement.ts";
import type { Row } from "./table.ts";

/** What the table at the end is made of. */
export interface Outcome {
  readonly progress: Progress;
  readonly settlement: Settlement;
  readonly ttlMs: number;
  /** How many keys of the replicas are still in the store after all of them have ended. */
  readonly keysLeft: number;
}

/** The rows of the table at the end. */
export function summaryRows({ progress, settlement, ttlMs, keysLeft }: Outcome): readonly Row[] {
  const { stale, kills, pauses, handOversMs } = progress;
  const { claimed, found, lost, unclaimed } = settlement;
  return [
    { label: "updates that replicas were told are made", value: String(claimed) },
    { label: "updates in the file", value: String(found) },
    ...(unclaimed.length > 0
      ? [
          {
            label: "of these, by replicas killed before they knew it",
            value: String(unclaimed.length),
          },
        ]
      : []),
    { label: "updates lost", value: String(lost.length), tone: lost.length > 0 ? "bad" : "good" },
    "rule",
    { label: "replicas paused for longer than the TTL", value: String(pauses) },
    { label: "stale writes stopped by the fencing token", value: String(stale.refused) },
    { label: "of these, hold.held was false at that moment", value: String(stale.notHeld) },
    { label: "of these, hold.signal had aborted by then", value: String(stale.aborted) },
    { label: "holds whose end was reported as LOCK_LOST", value: String(progress.lost) },
    { label: "hand-over after a pause", value: secondsOf(handOversMs.paused) },
    "rule",
    { label: "replicas killed", value: String(kills) },
    { label: "hand-over after a kill", value: secondsOf(handOversMs.killed) },
    { label: "granted TTL of their leases", value: secondsOf([ttlMs]) },
    "rule",
    {
      label: "keys left in the store",
      value: String(keysLeft),
      tone: keysLeft > 0 ? "bad" : "good",
    },
  ];
}

/** What was wrong with the outcome, in a sentence each; nothing if it is as promised. */
export function faultsOf({ settlement: { claimed, lost }, keysLeft }: Outcome): readonly string[] {
  return [
    ...(claimed === 0 ? ["No update was made at all."] : []),
    ...(lost.length > 0 ? [`Lost: ${lost.join(", ")}.`] : []),
    ...(keysLeft > 0 ? [`${keysLeft} keys were left in the store.`] : []),
  ];
}

function secondsOf(spansMs: readonly number[]): string {
  if (spansMs.length === 0) return "none";
  return `${spansMs.map((ms) => (ms / 1_000).toFixed(2)).join("  ")} s`;
}
