import { describe, expect, it } from "vitest";
import { noProgress } from "../../demo/progress.ts";
import { settle } from "../../demo/settlement.ts";
import { faultsOf, type Outcome, summaryRows } from "../../demo/summary.ts";

function outcome(claimed: string[], found: string[], keysLeft = 0): Outcome {
  return { progress: noProgress, settlement: settle(claimed, found), ttlMs: 2_000, keysLeft };
}

function shownAs(label: string, of: Outcome): string | undefined {
  const row = summaryRows(of).find((each) => each !== "rule" && each.label === label);
  return row === "rule" ? undefined : row?.value;
}

describe("faultsOf", () => {
  it("finds no fault when all updates are there", () => {
    expect(faultsOf(outcome(["a"], ["a"]))).toEqual([]);
  });

  it("names the updates that were lost", () => {
    expect(faultsOf(outcome(["a", "b"], ["a"]))).toEqual(["Lost: b."]);
  });

  it("does not take it for a success when nothing happened at all", () => {
    expect(faultsOf(outcome([], []))).toHaveLength(1);
  });

  it("tells of keys that were left in the store", () => {
    expect(faultsOf(outcome(["a"], ["a"], 2))).toEqual(["2 keys were left in the store."]);
  });
});

describe("summaryRows", () => {
  it("counts what was lost", () => {
    expect(shownAs("updates lost", outcome(["a", "b"], ["a", "c"]))).toBe("1");
  });

  it("lists the hand-over times in seconds", () => {
    const progress = { ...noProgress, handOversMs: { killed: [2_014, 2_349.6], paused: [] } };
    const timed = { ...outcome(["a"], ["a"]), progress };

    expect(shownAs("hand-over after a kill", timed)).toBe("2.01  2.35 s");
    expect(shownAs("hand-over after a pause", timed)).toBe("none");
  });
});
