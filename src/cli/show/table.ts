import type { Line, Span } from "../text.ts";
import { cut, pad, widthOf } from "./width.ts";

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Where there is not enough room, it may become as narrow as that. */
  readonly atLeast?: number;
  /** Where there is not enough room even so, the column with the largest number goes first. */
  readonly dispensable?: number;
}

/** A row: a cell for each column. */
export type Row = readonly Span[];

/** How wide each column of a table is; undefined for one that is left out. */
export type Layout = readonly (number | undefined)[];

const gap = 2;

/** Fits a table into so many columns of a terminal, by what its rows have. */
export function layoutOf(columns: readonly Column[], rows: readonly Row[], room: number): Layout {
  const widths: (number | undefined)[] = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index]?.text ?? ""))),
  );
  const excess = (): number => {
    const shown = widths.filter((width) => width !== undefined);
    return shown.reduce((sum, width) => sum + width + gap, -gap) - room;
  };
  for (;;) {
    shrink(columns, widths, excess());
    if (excess() <= 0) return widths;
    const next = mostDispensable(columns, widths);
    if (next === undefined) return widths;
    widths[next] = undefined;
    // What is left may have room again.
    for (const [index, column] of columns.entries()) {
      if (widths[index] === undefined) continue;
      const contents = rows.map((row) => widthOf(row[index]?.text ?? ""));
      widths[index] = Math.max(widthOf(column.title), ...contents);
    }
  }
}

/** Takes from the widest of those that may shrink, one by one. */
function shrink(columns: readonly Column[], widths: (number | undefined)[], excess: number): void {
  const roomIn = (index: number): number => {
    const { atLeast } = columns[index] ?? {};
    return atLeast === undefined ? 0 : (widths[index] ?? 0) - atLeast;
  };
  for (let left = excess; left > 0; left--) {
    const able = [...widths.keys()].filter((index) => roomIn(index) > 0);
    const widest = able.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function mostDispensable(
  columns: readonly Column[],
  widths: readonly (number | undefined)[],
): number | undefined {
  const able = [...columns.keys()].filter(
    (index) => widths[index] !== undefined && columns[index]?.dispensable !== undefined,
  );
  return able.sort((a, b) => (columns[b]?.dispensable ?? 0) - (columns[a]?.dispensable ?? 0))[0];
}

/** The line above a table. */
export function headOf(columns: readonly Column[], layout: Layout): Line {
  return lineOf(
    columns.map(({ title }) => ({ text: title, tone: "faint" })),
    columns,
    layout,
  );
}

/** A line of a table. */
export function lineOf(row: Row, columns: readonly Column[], layout: Layout): Line {
  const line: Span[] = [];
  for (const [index, { align }] of columns.entries()) {
    const width = layout[index];
    if (width === undefined) continue;
    if (line.length > 0) line.push({ text: " ".repeat(gap) });
    const { text, tone } = row[index] ?? { text: "" };
    const shown = cut(text, width);
    // Nothing needs room behind the last one.
    const isLast = layout.slice(index + 1).every((each) => each === undefined);
    line.push({ text: isLast && align !== "right" ? shown : pad(shown, width, align), tone });
  }
  return line;
}
