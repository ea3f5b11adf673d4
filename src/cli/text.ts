import { cut, widthOf } from "./show/width.ts";

/** How a piece of text is meant. */
export type Tone = "good" | "bad" | "busy" | "faint" | "strong";

/** A piece of a line. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A line before it is known how wide the terminal is, and whether it shows colours. */
export type Line = readonly Span[];

/** Turns a span into what is printed. */
export type Paint = (span: Span) => string;

const colours: Readonly<Record<Tone, number>> = {
  good: 32,
  bad: 31,
  busy: 33,
  faint: 2,
  strong: 1,
};

export const plain: Paint = ({ text }) => text;

export const coloured: Paint = ({ text, tone }) =>
  tone ? `\u001b[${colours[tone]}m${text}\u001b[0m` : text;

/** As much of a line as fits. */
export function clip(line: Line, columns: number): Line {
  const clipped: Span[] = [];
  let left = columns;
  for (const { text, tone } of line) {
    if (left <= 0) break;
    clipped.push({ text: cut(text, left), tone });
    left -= widthOf(text);
  }
  return clipped;
}

export function painted(line: Line, paint: Paint): string {
  return line.map(paint).join("").trimEnd();
}

/**
 * Breaks a text at its spaces into lines of at most so many columns; only a word that is longer
 * than that sticks out. The lines that follow are indented as the first one is.
 */
export function wrap(text: string, columns: number): readonly string[] {
  const words = text.trimStart();
  const indent = " ".repeat(text.length - words.length);
  const lines: string[] = [];
  let line = "";
  for (const word of words.split(" ")) {
    const longer = line ? `${line} ${word}` : indent + word;
    if (line && longer.length > columns) {
      lines.push(line);
      line = indent + word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
