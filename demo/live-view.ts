import type { Line, Tone } from "../src/cli/text.ts";
import { clip } from "../src/cli/text.ts";
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
  const replicas = [...progress.replicas].map(
    ([name, { state, token, updates }]): Line => [
      { text: `  ${name.padEnd(nameColumns)}  ` },
      { text: stateOf(state, token).padEnd(24), tone: tones[state] },
      { text: `${String(updates).padStart(4)} updates` },
    ],
  );
  const counters: Line[] = [
    [],
    [
      { text: `  ${seconds}  `, tone: "faint" },
      { text: countersOf(progress), tone: "strong" },
    ],
    [],
  ];
  // The last row stays free: a line break there would scroll what is to be drawn over.
  const space = Math.max(0, rows - 1 - replicas.length - counters.length);
  const latest = (space > 0 ? news.slice(-Math.min(space, 6)) : []).map(
    (text): Line => [{ text: `  ${text}`, tone: "faint" }],
  );
  return [...replicas, ...counters, ...latest]
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
