import type { Random } from "../../src/testkit/random.ts";
import { seededRandom } from "../../src/testkit/random.ts";
import type { Step } from "../support/history/steps.mjs";
import { drawFaults, type Fault } from "./fault.ts";
import { drawStep, drawTheme, type Theme } from "./theme.ts";

/** What one client does, strand by strand, and how its machine differs from others. */
export interface ClientPlan {
  readonly strands: readonly (readonly Step[])[];
  /** How fast its clock runs. */
  readonly rate: number;
}

/**
 * All that happens in one run: plain data, so that parts can be left out, and the rest happens again
 * just as it did.
 */
export interface Plan {
  readonly seed: number;
  readonly theme: Theme;
  readonly ttlMs: number;
  /** The longest that leases are granted for, in seconds. */
  readonly longestTtl: number;
  readonly electionMs: number;
  readonly clients: readonly ClientPlan[];
  readonly latencyMs: number;
  /** How much longer replies may travel. */
  readonly slowMs: number;
  readonly faultRate: number;
  /** In the order of their time. */
  readonly faults: readonly Fault[];
  /** How often a holder looks whether it still holds. */
  readonly lookMs: number;
}

/** When all is mended, if not everybody is done before. */
export const mendedAtMs = 9_000;

/**
 * The plan of a seed. Nine of ten are small: what is wrong with few is found sooner than with many,
 * and most of a large world is waiting.
 */
export function drawPlan(seed: number): Plan {
  const random = seededRandom(seed);
  const theme = drawTheme(random);
  const isLarge = random() < 0.1;
  const upTo = (small: number, large: number): number =>
    1 + Math.floor(random() * (isLarge ? large : small));
  const clients = 1 + upTo(random() < 0.3 ? 2 : 1, 2);
  const isCalm = random() < 0.15;
  const faultRate = isCalm || random() < 0.3 ? 0 : random() * 0.4;
  const ttlMs = pick(random, [2_000, 2_000, 3_000, 6_000]);
  const programs = Array.from({ length: clients }, () => ({
    rate: random() < 0.2 ? 1 + (random() - 0.5) / 100 : 1,
    strands: Array.from({ length: upTo(random() < 0.35 ? 2 : 1, 2) }, () =>
      Array.from({ length: upTo(3, 4) }, () => drawStep(random, theme)),
    ),
  }));
  // What happens when everybody is done tells nothing.
  const untilMs = Math.min(mendedAtMs * 0.7, workMs(programs) + 200);
  return {
    seed,
    theme,
    ttlMs,
    // What is to outlast its owner stands on leases for as long as it is to.
    longestTtl: random() < 0.1 && !isLasting(theme) ? 2 : 1_000_000,
    electionMs: pick(random, [0, 250, 1_000]),
    latencyMs: pick(random, [2, 10, 10, 60]),
    // An attempt lasts a sixth of the TTL.
    slowMs: random() < 0.5 ? ttlMs / 7 : 0,
    faultRate,
    clients: programs,
    faults: isCalm ? [] : drawFaults(random, { clients, theme, isLarge, untilMs }),
    lookMs: pick(random, [20, 50]),
  };
}

/** How long everybody is busy at the least, if one holds after the other. */
function workMs(clients: readonly ClientPlan[]): number {
  return clients
    .flatMap(({ strands }) => strands.flat())
    .reduce((sum, step) => sum + step.restMs + ("holdMs" in step ? step.holdMs : 0), 0);
}

function isLasting({ name, lingerMs }: Theme): boolean {
  return name === "once" || name === "latch" || lingerMs !== undefined;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}
