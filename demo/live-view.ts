import type { Line, Tone } from "../src/cli/text.ts";
import { clip, wrap } from "../src/cli/text.ts";
import { countersOf } from "./narrate.ts";
import type { Progress, ReplicaState } from "./progress.ts";

const tones: Readonly<Record<ReplicaState, Tone>> = {
  starting: "faint",
  waiting: "faint",
  holding: "good",
  paused: "busy",
  killed: "bad",
  stopped: "faint",
};

const stateColumns = 20;
const newsRows = 6;

/** How much of the terminal there is. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What the terminal shows while the demo runs: a line for each replica, counters, the latest news. */
export function liveView(
  { progress, seconds, news }: { progress: Progress; seconds: string; news: readonly string[] },
  { columns, rows }: Size,
): readonly Line[] {
  const names = [...progress.replicas.keys()];
  const nameColumns = Math.max(0, ...names.map(({ length }) => length));
  const unit = columns >= nameColumns + stateColumns + 16 ? " updates" : "";
  const replicas = [...progress.replicas].map(
    ([name, { state, token, updates }]): Line => [
      { text: `  ${name.padEnd(nameColumns)}  ` },
      { text: stateOf(state, token).padEnd(stateColumns), tone: tones[state] },
      { text: `${String(updates).padStart(4)}${unit}` },
    ],
  );
  const counters: Line[] = [
    [],
    ...wrap(`  ${seconds}  ${countersOf(progress)}`, columns).map(
      (text): Line => [{ text, tone: "strong" }],
    ),
    [],
  ];
  // The last row stays free: a line break there would scroll what is to be drawn over.
  const space = Math.max(0, rows - 1 - replicas.length - counters.length);
  const latest = news
    .flatMap((text) => wrap(`  ${text}`, columns))
    .slice(-Math.min(space, newsRows))
    .map((text): Line => [{ text, tone: "faint" }]);
  return [...replicas, ...counters, ...(space > 0 ? latest : [])]
    .slice(0, Math.max(1, rows - 1))
    .map((line) => clip(line, columns));
}

function stateOf(state: ReplicaState, token: bigint | undefined): string {
  return token === undefined ? state : `${state} token ${token}`;
}

/** How many rows lines of such lengths take up in a terminal that is so wide by now. */
export function rowsOf(lengths: readonly number[], columns: number): number {
  return lengths.reduce((rows, length) => rows + Math.max(1, Math.ceil(length / columns)), 0);
}
