import { describe, expect, it } from "vitest";
import { durationMs } from "../../src/cli/duration.ts";
import { UsageError } from "../../src/cli/usage-error.ts";

describe("durationMs", () => {
  it.each([
    ["10", 10_000],
    ["1.5", 1_500],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["1h0m0.5s", 3_600_500],
    ["100us", 0.1],
    ["2d", 172_800_000],
  ])("reads %s as flock and Go do", (text, ms) => {
    expect(durationMs("--wait", text)).toBeCloseTo(ms);
  });

  it.each(["", "s", "5 s", "-1s", "1x", "1s2", "1e3"])("refuses %j", (text) => {
    expect(() => durationMs("--wait", text)).toThrow(UsageError);
  });
});
