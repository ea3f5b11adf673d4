import type { Random } from "../../src/testkit/random.ts";
import { seededRandom } from "../../src/testkit/random.ts";
import type { Step } from "../support/history/steps.mjs";
import { drawFaults, type Fault } from "./fault.ts";
import { drawTheme, type Theme } from "./theme.ts";

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
}

/** Until when faults may happen. Then all is mended. */
export const faultsUntilMs = 9_000;

/** The plan of a seed: small, since what is wrong with few is found sooner than with many. */
export function drawPlan(seed: number): Plan {
  const random = seededRandom(seed);
  const theme = drawTheme(random);
  const clients = 2 + Math.floor(random() * 2);
  const isCalm = random() < 0.25;
  const faultRate = isCalm || random() < 0.4 ? 0 : random() * 0.3;
  const ttlMs = pick(random, [2_000, 3_000, 6_000]);
  return {
    seed,
    theme,
    ttlMs,
    // What is to outlast its owner stands on leases for as long as it is to.
    longestTtl: random() < 0.1 && !isLasting(theme) ? 2 : 1_000_000,
    electionMs: pick(random, [0, 250, 1_000]),
    latencyMs: pick(random, [2, 10, 10, 60]),
    // An attempt lasts a sixth of the TTL.
    slowMs: random() < 0.3 ? ttlMs / 7 : 0,
    faultRate,
    clients: Array.from({ length: clients }, () => ({
      rate: random() < 0.2 ? 1 + (random() - 0.5) / 100 : 1,
      strands: Array.from({ length: 1 + Math.floor(random() * 2) }, () =>
        Array.from({ length: 1 + Math.floor(random() * 3) }, () => theme.step(random)),
      ),
    })),
    faults: isCalm ? [] : drawFaults(random, { clients, theme, untilMs: faultsUntilMs }),
  };
}

function isLasting({ name, lingerMs }: Theme): boolean {
  return name === "once" || name === "latch" || lingerMs !== undefined;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}
