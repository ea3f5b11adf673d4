import fc from "fast-check";

/** One time that somebody comes to a latch. It is plain data, like the history. */
export interface Counting {
  readonly primitive: "latch";
  readonly name: string;
  /** How many times it has to be counted down. */
  readonly total: number;
  readonly counts: boolean;
  readonly waits: boolean;
  /** How long it waits at most. */
  readonly waitMs: number | undefined;
  /** How long it does something else afterwards. */
  readonly restMs: number;
}

/** What countings may be like. */
export interface CountingOptions {
  /** How many times each has to be counted down: all agree on that. */
  readonly latches: Readonly<Record<string, number>>;
  readonly patienceMs: number;
  /** Whether some wait for ever. */
  readonly mayWaitForEver: boolean;
  readonly longestRestMs: number;
}

export function anyCounting(options: CountingOptions): fc.Arbitrary<Counting> {
  const { latches, patienceMs, mayWaitForEver, longestRestMs } = options;
  const patience = fc.nat({ max: patienceMs });
  const rest = fc.record({
    does: fc.constantFrom("counts", "waits", "both"),
    waitMs: mayWaitForEver ? fc.option(patience, { nil: undefined, freq: 1 }) : patience,
    restMs: fc.nat({ max: longestRestMs }),
  });
  return fc
    .tuple(fc.constantFrom(...Object.entries(latches)), rest)
    .map(([[name, total], { does, waitMs, restMs }]) => ({
      ...{ primitive: "latch", name, total, waitMs, restMs },
      ...{ counts: does !== "waits", waits: does !== "counts" },
    }));
}
