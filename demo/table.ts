import type { Line, Tone } from "../src/cli/text.ts";
import { clip, wrap } from "../src/cli/text.ts";

/** A row with a name and a value, or a line between groups of them. */
export type Row = { readonly label: string; readonly value: string; readonly tone?: Tone } | "rule";

type Cells = Exclude<Row, "rule">;

// "│ ", " │ " and " │"
const frameColumns = 7;

/** A table as wide as what it holds, or as the terminal if that is narrower: labels are wrapped then. */
export function tableOf(rows: readonly Row[], columns: number): readonly Line[] {
  const cells = rows.filter((row) => row !== "rule");
  const valueColumns = longest(cells.map(({ value }) => value));
  const labelColumns = Math.max(
    8,
    Math.min(longest(cells.map(({ label }) => label)), columns - frameColumns - valueColumns),
  );
  const rule = (left: string, middle: string, right: string): Line => [
    {
      text: `${left}${"─".repeat(labelColumns + 2)}${middle}${"─".repeat(valueColumns + 2)}${right}`,
      tone: "faint",
    },
  ];
  const lines = [
    rule("┌", "┬", "┐"),
    ...rows.flatMap((row) =>
      row === "rule" ? [rule("├", "┼", "┤")] : linesOf(row, labelColumns, valueColumns),
    ),
    rule("└", "┴", "┘"),
  ];
  return lines.map((line) => clip(line, columns));
}

function linesOf(
  { label, value, tone }: Cells,
  labelColumns: number,
  valueColumns: number,
): Line[] {
  return wrap(label, labelColumns).map((part, index) => [
    { text: "│ ", tone: "faint" },
    { text: part.padEnd(labelColumns) },
    { text: " │ ", tone: "faint" },
    { text: (index === 0 ? value : "").padStart(valueColumns), tone },
    { text: " │", tone: "faint" },
  ]);
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}
