import type { Random } from "../../src/testkit/random.ts";
import type { Theme } from "./theme.ts";

/** Something that is done to a client, to the cluster, or to what is in it. */
export interface Fault {
  readonly atMs: number;
  readonly what:
    | "pause"
    | "kill"
    | "close"
    | "cut"
    | "cut requests"
    | "cut replies"
    | "deafen"
    | "end watches"
    | "jump wall time"
    | "delete a key"
    | "end a session"
    | "compact"
    | "elect"
    | "restart"
    | "fill the disk"
    | "stall the leader";
  /** Which client, or which key, of those that there are. */
  readonly index: number;
  /** After which it is over. */
  readonly forMs: number;
  /** Of a leader that stalls: after which another one is elected, if it stalls for longer. */
  readonly electMs: number;
}

const kinds: readonly (readonly [Fault["what"], number])[] = [
  ["pause", 5],
  ["kill", 2],
  ["close", 2],
  ["cut", 6],
  ["cut requests", 2],
  ["cut replies", 2],
  ["deafen", 1],
  ["end watches", 2],
  ["jump wall time", 1],
  ["delete a key", 3],
  ["end a session", 2],
  ["compact", 2],
  ["elect", 2],
  ["restart", 2],
  ["fill the disk", 1],
  ["stall the leader", 3],
];
// What is taken away beside the hold itself is not promised to keep anybody out.
const notWhileLingering: ReadonlySet<Fault["what"]> = new Set(["stall the leader"]);

/**
 * Faults of a few kinds for one run: with all kinds in each run, the rare ones would hide behind the
 * frequent ones.
 */
export function drawFaults(
  random: Random,
  {
    clients,
    theme,
    isLarge,
    untilMs,
  }: { clients: number; theme: Theme; isLarge: boolean; untilMs: number },
): readonly Fault[] {
  const allowed = kinds.filter(
    ([what]) =>
      (theme.lingerMs === undefined && theme.name !== "once") || !notWhileLingering.has(what),
  );
  const drawKind = (from: typeof kinds): Fault["what"] => {
    const weighted = from.flatMap(([what, weight]) => Array.from({ length: weight }, () => what));
    return weighted[Math.floor(random() * weighted.length)] ?? "pause";
  };
  const chosen = new Set(
    Array.from({ length: 1 + Math.floor(random() * (isLarge ? 3 : 2)) }, () => drawKind(allowed)),
  );
  const count = 1 + Math.floor(random() * (isLarge ? 5 : 3));
  const some = [...chosen];
  return Array.from({ length: count }, () => ({
    atMs: random() * untilMs,
    what: some[Math.floor(random() * some.length)] ?? "pause",
    index: Math.floor(random() * (clients * 8)),
    forMs: random() < 0.5 ? random() * 1_500 : random() * 9_000,
    electMs: 100 + random() * random() * 2_000,
  })).toSorted((a, b) => a.atMs - b.atMs);
}
