import { describe, expect, it } from "vitest";
import { parseOptions, UsageError } from "./options.ts";

describe("the options of the simulator", () => {
  it("have defaults", () => {
    expect(parseOptions([], 2)).toEqual({
      ...{ seed: undefined, plan: undefined, first: 1, seeds: 1_000, failures: 5 },
      ...{ workers: 2, shrinks: true },
    });
  });

  it("are taken as they are given", () => {
    const args = ["--first=7", "--seeds", "1000000", "--failures=1", "--workers=3", "--no-shrink"];
    expect(parseOptions(args, 2)).toMatchObject({
      ...{ first: 7, seeds: 1_000_000, failures: 1, workers: 3, shrinks: false },
    });
  });

  it.each([
    [["--seeds", "many"], '--seeds must be a positive integer, not "many"'],
    [["--seeds=1.5"], '--seeds must be a positive integer, not "1.5"'],
    [["--seed=0"], '--seed must be a positive integer, not "0"'],
    [["--workers=1e1"], '--workers must be a positive integer, not "1e1"'],
    [["--first="], '--first must be a positive integer, not ""'],
    [["--sede=3"], "Unknown option '--sede'"],
    [["--seed"], "Option '--seed <value>' argument missing"],
    [["20"], "Unexpected argument '20'"],
    [["--seed=1", "--plan=x.json"], "--seed and --plan can't be had at once: a plan has its seed"],
    [["--seed=1", "--seed=2"], "--seed was given twice"],
  ])("are refused in one line when they are %j", (args, message) => {
    expect(() => parseOptions(args, 2)).toThrow(new UsageError(message));
  });
});
