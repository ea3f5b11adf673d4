import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyCounting } from "../support/history/counting.ts";
import { anyMeeting } from "../support/history/meeting.ts";
import { type PrimitiveName, primitives } from "../support/history/primitives.mjs";
import { anyRound } from "../support/history/round.ts";
import { fates, lingeringFates, ScheduledWorld } from "../support/history/scheduled-world.ts";
import type { Step } from "../support/history/steps.mjs";
import { violations } from "../support/history/violations.ts";

const { RUNS = "40", SEED = "1" } = process.env;
const numRuns = Number(RUNS);
const seed = Number(SEED);

const spans = { everyMs: 7_200_000, longestHoldMs: 10, longestStayMs: 1, longestRestMs: 1 };
const names = ["x", "y"];
const locks = Object.keys(primitives) as PrimitiveName[];
const kinds: readonly (readonly [string, fc.Arbitrary<Step>])[] = [
  ...locks.map(
    (primitive) => [primitive, anyRound({ primitive, names, patienceMs: 500, ...spans })] as const,
  ),
  [
    "latch",
    anyCounting({ latches: { x: 1, y: 2, z: 4 }, patienceMs: 500, mayWaitForEver: true, ...spans }),
  ],
  ["barrier", anyMeeting({ barriers: { x: 2, y: 3 }, ...spans })],
];

// It is more than a quarter of an hour, so its lease does not end with those of the client.
const lingerMs = 3_600_000;
const lingering = (["mutex", "several", "rwLock", "semaphore", "mixed"] as const).map(
  (primitive) =>
    [
      `${primitive} that lingers`,
      anyRound({ primitive, names, patienceMs: 500, lingerMs, ...spans }),
      lingeringFates,
    ] as const,
);

describe.each([...kinds.map(([name, step]) => [name, step, fates] as const), ...lingering])(
  "%s",
  (_, step, fates) => {
    const strands = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 2,
    });
    const fate = fc.oneof(
      { arbitrary: fc.constant("lives" as const), weight: 3 },
      fc.constantFrom(...fates),
    );
    const programs = fc.array(fc.record({ strands, fate }), { minLength: 2, maxLength: 3 });

    it(`keeps its promises in whatever order messages arrive (${numRuns} runs)`, async () => {
      let got = 0;
      const property = fc.asyncProperty(fc.scheduler(), programs, async (scheduler, programs) => {
        const chronicle = await new ScheduledWorld(scheduler).live(programs);
        const done = ["got", "enters", "counted", "passes"];
        got += chronicle.history.filter(({ kind }) => done.includes(kind)).length;
        expect(violations(chronicle)).toEqual([]);
      });
      await fc.assert(property, { numRuns, seed });

      expect(got).toBeGreaterThan(numRuns);
    }, 120_000);
  },
);
