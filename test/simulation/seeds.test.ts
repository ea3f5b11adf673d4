import { describe, expect, it } from "vitest";
import { drawPlan } from "./plan.ts";
import { runPlan } from "./run-plan.ts";

const { SEEDS = "100", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const first = Number(SEED);

describe("all primitives under random programs and faults", () => {
  it(`keep their promises, and get done once all is mended (${seeds} seeds)`, {
    timeout: 600_000,
  }, async () => {
    for (let seed = first; seed < first + seeds; seed++) {
      const { violations } = await runPlan(drawPlan(seed));
      // Thousands more are a step of `make test`. `npm run simulate -- --seed ${seed}` shows it again.
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  });
});
