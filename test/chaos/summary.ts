import { story } from "../../src/testkit/history/story.ts";
import type { Figures } from "./figures.ts";
import type { Judgement } from "./judge.ts";
import type { RunRecord } from "./run-record.ts";

/** A run in a few lines, and each promise that was broken as a story. */
export function summaryOf(
  record: RunRecord,
  { verdicts, beliefs }: Judgement,
  { figures, losses }: Figures,
): string {
  const { etcd, seed, startedAt, endedAt, deeds } = record;
  const broken = verdicts.filter(({ violation }) => violation !== undefined);
  const seconds = ((endedAt - startedAt) / 1_000).toFixed(0);
  return [
    `etcd ${etcd}, seed ${seed}: ${seconds} s, ${deeds.length} faults, ${verdicts.length - broken.length} of ${verdicts.length} promises kept`,
    ...figures.map(({ what, value, goal, isReached }) => {
      const mark = isReached === false ? "  MISSED" : "";
      return `  ${what}: ${value}${goal === undefined ? "" : ` (goal ${goal})`}${mark}`;
    }),
    `  holds lost: ${losses.map(({ why, count }) => `${count} ${why}`).join(", ") || "none"}`,
    ...(beliefs.lostToStaleLeader.length > 0
      ? [story("  Lost to a leader that resumed", beliefs.lostToStaleLeader)]
      : []),
    ...broken.map(({ promise, violation }) => `\nBROKEN: ${promise}\n${violation}`),
  ].join("\n");
}
