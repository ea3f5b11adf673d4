import { describe, expect, it } from "vitest";
import { type Row, tableOf } from "../../demo/table.ts";
import { painted, plain } from "../../src/cli/text.ts";

const rows: readonly Row[] = [
  { label: "updates made", value: "120" },
  "rule",
  { label: "updates lost", value: "0", tone: "good" },
];

function drawn(columns: number): string {
  return tableOf(rows, columns)
    .map((line) => painted(line, plain))
    .join("\n");
}

describe("tableOf", () => {
  it("is as wide as what it holds", () => {
    expect(`\n${drawn(80)}`).toBe(`
┌──────────────┬─────┐
│ updates made │ 120 │
├──────────────┼─────┤
│ updates lost │   0 │
└──────────────┴─────┘`);
  });

  it("wraps labels where the terminal is narrower", () => {
    expect(`\n${drawn(18)}`).toBe(`
┌──────────┬─────┐
│ updates  │ 120 │
│ made     │     │
├──────────┼─────┤
│ updates  │   0 │
│ lost     │     │
└──────────┴─────┘`);
  });

  it("never sticks out", () => {
    for (const line of drawn(12).split("\n")) expect(line.length).toBeLessThanOrEqual(12);
  });
});
