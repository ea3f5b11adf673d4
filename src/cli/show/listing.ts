import type { Out } from "../io.ts";
import { clip, coloured, type Line, painted, plain } from "../text.ts";
import { fieldsOf } from "./facts.ts";
import { type Column, headOf, type Layout, layoutOf, lineOf, type Row } from "./table.ts";

/** One thing of many, for people and for programs. */
export interface Item {
  readonly cells: Row;
  readonly fields: Parameters<typeof fieldsOf>[0];
}

// As many as a table is laid out by: those that follow have to fit in.
const sampled = 200;

/** Writes a line, all of it. */
export function printLine(out: Out, line: Line): void {
  out.write(`${painted(line, out.hasColour ? coloured : plain)}\n`);
}

/**
 * Lists things one by one, however many: as a table on a terminal, as fields between tabs elsewhere.
 * Whoever adds to it waits for whoever reads.
 */
export class Listing {
  readonly #out: Out;
  readonly #columns: readonly Column[];
  readonly #isTable: boolean;
  #first: Row[] = [];
  #layout: Layout | undefined;

  constructor(out: Out, columns: readonly Column[]) {
    this.#out = out;
    this.#columns = columns;
    this.#isTable = out.isTerminal || out.hasColour;
  }

  async add({ cells, fields }: Item): Promise<void> {
    if (!this.#isTable) this.#out.write(fieldsOf(fields));
    else if (this.#layout) this.#print(cells, this.#layout);
    else if (this.#first.push(cells) === sampled) this.end();
    await this.#out.drained();
  }

  /** There are no more, or none that the layout waits for. */
  end(): void {
    if (this.#layout || this.#first.length === 0) return;
    this.#layout = layoutOf(this.#columns, this.#first, this.#room);
    printLine(this.#out, clip(headOf(this.#columns, this.#layout), this.#room));
    for (const row of this.#first.splice(0)) this.#print(row, this.#layout);
  }

  get #room(): number {
    return this.#out.isTerminal ? this.#out.columns : Number.POSITIVE_INFINITY;
  }

  #print(row: Row, layout: Layout): void {
    printLine(this.#out, clip(lineOf(row, this.#columns, layout), this.#room));
  }
}
