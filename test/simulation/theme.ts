import type { Random } from "../../src/testkit/random.ts";
import { type PrimitiveName, primitives } from "../support/history/primitives.mjs";
import type { Round } from "../support/history/round.ts";
import type { Step } from "../support/history/steps.mjs";

/** What all clients of a run are about: one primitive, or some that meet in one queue. */
export interface Theme {
  readonly name: PrimitiveName | "latch" | "barrier";
  /** How long nobody gets in after a loss, if they ask for that. */
  readonly lingerMs?: number | undefined;
}

const everyMs = 12_000;
const locks = Object.keys(primitives) as PrimitiveName[];

export function drawTheme(random: Random): Theme {
  const names = [...locks, "several", "rwLock", "semaphore", "latch", "barrier"] as const;
  const name = names[Math.floor(random() * names.length)] as Theme["name"];
  const canLinger = !["election", "once", "latch", "barrier"].includes(name);
  return { name, lingerMs: canLinger && random() < 0.2 ? 2_500 : undefined };
}

/** Something that a client does in such a run. */
export function drawStep(random: Random, { name, lingerMs }: Theme): Step {
  if (name === "latch") return drawCounting(random);
  if (name === "barrier") return drawMeeting(random);
  return drawRound(random, name, lingerMs);
}

function drawRound(random: Random, primitive: PrimitiveName, lingerMs: number | undefined): Round {
  const { wants, takesSeveral = false, hasTicks = false } = primitives[primitive];
  const { mode, permits } = wants[Math.floor(random() * wants.length)] as Round;
  const order = ["x", "y", "z"].filter(() => random() < 0.6);
  const several = takesSeveral && mode === "exclusive" && order.length > 1;
  // Most meet at one lock.
  const names = several ? order : [random() < 0.8 ? "x" : "y"];
  const how = hasTicks
    ? "run"
    : (["acquire", "acquire", "run", "tryAcquire"] as const)[Math.floor(random() * 4)];
  return {
    ...{ primitive, mode, permits, names, lingerMs },
    how: how ?? "acquire",
    waitMs: random() < 0.2 ? random() * 2_000 : undefined,
    giveUpMs: random() < 0.15 ? random() * 2_000 : undefined,
    holdMs: drawHoldMs(random),
    writes: Math.floor(random() * 3),
    downgrades: mode === "write" && random() < 0.5,
    everyMs: hasTicks ? everyMs : undefined,
    minHoldMs: hasTicks ? [0, 0, 6_000][Math.floor(random() * 3)] : undefined,
    writesAsItLeaves: random() < 0.2,
    restMs: random() * 400,
  };
}

/** Few hold for long, some for longer than their lease. */
function drawHoldMs(random: Random): number {
  const part = random();
  const kind = random();
  return part * (kind < 0.7 ? 200 : kind < 0.9 ? 4_000 : 8_000);
}

function drawCounting(random: Random): Step {
  const [name, total] = (
    [
      ["x", 1],
      ["y", 2],
      ["z", 4],
    ] as const
  )[Math.floor(random() * 3)] ?? ["x", 1];
  const does = Math.floor(random() * 3);
  return {
    ...{ primitive: "latch", name, total, counts: does !== 0, waits: does !== 1 },
    waitMs: random() < 0.5 ? random() * 2_000 : undefined,
    restMs: random() * 300,
  };
}

function drawMeeting(random: Random): Step {
  const [name, parties] = random() < 0.6 ? ["x", 2] : ["y", 3];
  return {
    ...{ primitive: "barrier", name: name as string, parties: parties as number },
    stayMs: random() * 300,
    restMs: random() * 300,
  };
}
