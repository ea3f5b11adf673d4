import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PrimitiveName, primitives } from "../support/history/primitives.mjs";
import { anyRound } from "../support/history/round.ts";
import { fates, ScheduledWorld } from "../support/history/scheduled-world.ts";
import { violations } from "../support/history/violations.ts";

const { RUNS = "500", SEED = "1" } = process.env;
const numRuns = Number(RUNS);
const seed = Number(SEED);

describe.each(Object.keys(primitives) as PrimitiveName[])("%s", (primitive) => {
  const round = anyRound({
    primitive,
    names: ["x", "y"],
    patienceMs: 500,
    longestHoldMs: 10,
    longestRestMs: 1,
  });
  const strands = fc.array(fc.array(round, { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 2,
  });
  const fate = fc.oneof({ arbitrary: fc.constant(fates[0]), weight: 3 }, fc.constantFrom(...fates));
  const programs = fc.array(fc.record({ strands, fate }), { minLength: 2, maxLength: 3 });

  it(`keeps its promises in whatever order messages arrive (${numRuns} runs)`, async () => {
    let got = 0;
    const property = fc.asyncProperty(fc.scheduler(), programs, async (scheduler, programs) => {
      const chronicle = await new ScheduledWorld(scheduler).live(programs);
      got += chronicle.history.filter(({ kind }) => kind === "got").length;
      expect(violations(chronicle)).toEqual([]);
    });
    await fc.assert(property, { numRuns, seed });

    expect(got).toBeGreaterThan(numRuns * 2);
  }, 120_000);
});
