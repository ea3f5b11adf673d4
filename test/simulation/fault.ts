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
    | "delete a key unheard"
    | "end a session"
    | "force a release"
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
  ["delete a key unheard", 2],
  ["end a session", 2],
  ["force a release", 4],
  ["compact", 2],
  ["elect", 2],
  ["restart", 2],
  ["fill the disk", 1],
  ["stall the leader", 5],
];
// What is taken away beside the hold itself is not promised to keep anybody out.
const notWhileLingering: ReadonlySet<Fault["what"]> = new Set(["stall the leader"]);
const onlyOfHolders: ReadonlySet<Fault["what"]> = new Set(["force a release"]);

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
  const lingers = theme.lingerMs !== undefined || theme.name === "once";
  // Of a tick that is over it takes away what is left to keep others out, too.
  const isHeld = !["once", "latch", "barrier"].includes(theme.name);
  const allowed = kinds.filter(
    ([what]) => !(lingers && notWhileLingering.has(what)) && (isHeld || !onlyOfHolders.has(what)),
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
  const drawMs = (what: Fault["what"]): number => {
    const isLong = random() < (what === "stall the leader" ? 0.8 : 0.5);
    return isLong ? random() * 9_000 : random() * 1_500;
  };
  return Array.from({ length: count }, () => {
    const what = some[Math.floor(random() * some.length)] ?? "pause";
    return {
      ...{ atMs: random() * untilMs, what, index: Math.floor(random() * (clients * 8)) },
      ...{ forMs: drawMs(what), electMs: 100 + random() * random() * 2_000 },
    };
  }).toSorted((a, b) => a.atMs - b.atMs);
}
