import fc from "fast-check";
import { anyCounting } from "../support/history/counting.ts";
import { anyMeeting } from "../support/history/meeting.ts";
import { type PrimitiveName, primitives } from "../support/history/primitives.mjs";
import { anyRound } from "../support/history/round.ts";
import type { Step } from "../support/history/steps.mjs";
import type { Addition } from "./add-to-ledger.mjs";

/** What one client is told to do. */
export interface Program {
  /** Strands do their steps at once, each one after the other, over and over. */
  readonly strands: readonly (readonly (Step | Addition)[])[];
  /** By how much its clock differs from the machine's. */
  readonly skewMs: number;
}

const kinds = (Object.keys(primitives) as PrimitiveName[]).filter((kind) => kind !== "once");
const mixedStrands = 3;
const stepsEach = 40;
const longestHoldMs = 80;
const longestRestMs = 250;
const rounds = { patienceMs: 1_500, longestHoldMs, longestRestMs, everyMs: 2_000 };
/** How long nobody gets in beside the work of one that lost. */
export const lingerMs = 2_000;
const ledgerName = "ledger";

/** The names of a primitive: of those that take several at once there are more. */
function namesOf(primitive: PrimitiveName): readonly string[] {
  const letters = primitives[primitive].takesSeveral ? ["x", "y", "z"] : ["x", "y"];
  return letters.map((letter) => primitive + letter);
}

/** What a client does, drawn from a seed. */
export function programOf(seed: number, client: number): Program {
  const anything = fc.oneof(
    ...kinds.map((primitive) => anyRound({ primitive, names: namesOf(primitive), ...rounds })),
  );
  const lingering = anyRound({ primitive: "mutex", names: ["lingerx"], ...rounds, lingerMs });
  const once = anyRound({ primitive: "once", names: namesOf("once"), ...rounds });
  const meeting = anyMeeting({
    barriers: { barrierx: 3, barriery: 4 },
    ...{ longestStayMs: longestHoldMs, longestRestMs },
  });
  const counting = anyCounting({
    latches: { latchw: 3, latchx: 20, latchy: 100, latchz: 500 },
    ...{ patienceMs: 2_000, mayWaitForEver: false, longestRestMs },
  });
  const addition = fc.record({
    primitive: fc.constant("ledger" as const),
    name: fc.constant(ledgerName),
    thinkMs: fc.nat({ max: 200 }),
    restMs: fc.nat({ max: longestRestMs }),
  });
  const strands: fc.Arbitrary<Step | Addition>[] = [
    ...Array<fc.Arbitrary<Step>>(mixedStrands).fill(anything),
    ...[lingering, once, meeting, counting, addition],
  ];
  return {
    // Clocks differ, but less than by half of what is between two ticks.
    skewMs: client * 100,
    strands: strands.map((steps, strand) =>
      fc.sample(steps, { numRuns: stepsEach, seed: seed * 1_000 + client * 10 + strand }),
    ),
  };
}
