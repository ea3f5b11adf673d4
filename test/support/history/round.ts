import fc from "fast-check";
import type { Want } from "../../../src/testkit/history/event.ts";
import { type PrimitiveName, primitives } from "./primitives.mjs";

/** One time that somebody asks for a lock and uses it. It is plain data, like the history. */
export interface Round extends Want {
  readonly primitive: PrimitiveName;
  /** All that it asks for at once. */
  readonly names: readonly string[];
  readonly how: "acquire" | "tryAcquire" | "run";
  /** How long it waits at most. */
  readonly waitMs: number | undefined;
  /** When it changes its mind, counted from the moment at which it asks. */
  readonly giveUpMs: number | undefined;
  readonly holdMs: number;
  /** How often it writes to what the lock protects. */
  readonly writes: number;
  /** Whether a writer becomes a reader when half of its time is over. */
  readonly downgrades: boolean;
  /** Of what is done once per tick: how often the ticks come. */
  readonly everyMs: number | undefined;
  /** And for how long nobody else gets in afterwards. */
  readonly minHoldMs: number | undefined;
  /** How long nobody else gets in after a loss, unless its work has stopped before. */
  readonly lingerMs: number | undefined;
  /** Whether it lets go while one more write is under way. */
  readonly writesAsItLeaves: boolean;
  /** How long it does something else afterwards. */
  readonly restMs: number;
}

/** What rounds may be like. */
export interface RoundOptions {
  readonly primitive: PrimitiveName;
  readonly names: readonly string[];
  /** The longest that somebody waits who does not wait for ever. */
  readonly patienceMs: number;
  readonly longestHoldMs: number;
  readonly longestRestMs: number;
  /** How often ticks come. */
  readonly everyMs: number;
  /** How long nobody else gets in after a loss, unless the work has stopped before. */
  readonly lingerMs?: number | undefined;
}

/** Rounds at random: half of those who wait do so for ever, and few change their minds. */
export function anyRound(options: RoundOptions): fc.Arbitrary<Round> {
  const { primitive, names, patienceMs, longestHoldMs, longestRestMs, everyMs, lingerMs } = options;
  const patience = fc.nat({ max: patienceMs });
  const rare = fc.option(patience, { nil: undefined, freq: 1 });
  const { wants, takesSeveral = false, hasTicks = false } = primitives[primitive];
  const want = fc.constantFrom(...wants);
  const most = takesSeveral ? names.length : 1;
  const rest = fc.record({
    asked: fc.shuffledSubarray([...names], { minLength: 1, maxLength: most }),
    minHoldMs: fc.constantFrom(0, 0, everyMs / 2, (everyMs * 3) / 4),
    how: fc.constantFrom("acquire", "acquire", "run", "tryAcquire"),
    waitMs: rare,
    giveUpMs: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 3 },
      { arbitrary: patience, weight: 1 },
    ),
    holdMs: fc.nat({ max: longestHoldMs }),
    writes: fc.nat({ max: 2 }),
    downgrades: fc.boolean(),
    writesAsItLeaves: fc.boolean(),
    restMs: fc.nat({ max: longestRestMs }),
  });
  return fc
    .tuple(want, rest)
    .map(([{ mode, permits }, { asked, downgrades, minHoldMs, ...round }]) => ({
      ...{ primitive, mode, permits, lingerMs, ...round },
      ...(hasTicks
        ? { everyMs, minHoldMs, how: "run" }
        : { everyMs: undefined, minHoldMs: undefined }),
      names: mode === "exclusive" ? asked : asked.slice(0, 1),
      downgrades: downgrades && mode === "write",
    }));
}
