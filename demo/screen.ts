import type { WriteStream } from "node:tty";
import { coloured, type Line, type Paint, painted, plain } from "../src/cli/text.ts";
import type { EventLog } from "./event-log.ts";
import { liveView, rowsOf, type Size } from "./live-view.ts";
import { countersOf, narrate } from "./narrate.ts";

/** Shows how the demo goes, until `end`. */
export interface Screen {
  readonly columns: number;
  print(line: Line): void;
  /** Follows what happens from now on. Returns the function that ends it. */
  follow(log: EventLog): () => void;
}

const redrawMs = 100;
const progressMs = 2_000;

/** A live view on a terminal, plain lines anywhere else. */
export function screenOn(out: WriteStream, env: NodeJS.ProcessEnv): Screen {
  const paint = out.isTTY && !env["NO_COLOR"] && env["TERM"] !== "dumb" ? coloured : plain;
  const print = (line: Line): void => void out.write(`${painted(line, paint)}\n`);
  const live = out.isTTY && env["TERM"] !== "dumb";
  return {
    columns: out.isTTY ? sizeOf(out).columns : 100,
    print,
    follow: (log) => (live ? redraw(log, out, paint) : tell(log, print)),
  };
}

function tell(log: EventLog, print: (line: Line) => void): () => void {
  const tellOf = (text: string): void => print([{ text: `${secondsOf(log)}  ${text}` }]);
  const stopListening = log.listen((event, before, after) => {
    const text = narrate(event, before, after);
    if (text) tellOf(text);
  });
  const timer = setInterval(() => tellOf(countersOf(log.progress)), progressMs);
  return () => {
    clearInterval(timer);
    stopListening();
  };
}

function redraw(log: EventLog, out: WriteStream, paint: Paint): () => void {
  const news: string[] = [];
  let drawn: readonly number[] = [];
  const draw = (): void => {
    const size = sizeOf(out);
    const view = { progress: log.progress, seconds: secondsOf(log), news };
    const lines = liveView(view, size);
    const up = rowsOf(drawn, size.columns);
    const text = lines.map((line) => `\u001b[K${painted(line, paint)}\n`).join("");
    out.write(`${up > 0 ? `\u001b[${up}A` : ""}\r${text}\u001b[J`);
    drawn = lines.map((line) => painted(line, plain).length);
  };
  const stopListening = log.listen((event, before, after) => {
    const text = narrate(event, before, after);
    if (text) news.push(`${secondsOf(log)}  ${text}`);
  });
  const timer = setInterval(draw, redrawMs);
  out.write("\u001b[?25l");
  draw();
  return () => {
    clearInterval(timer);
    stopListening();
    draw();
    out.write("\u001b[?25h");
  };
}

/** Some terminals say that they are 0 wide, and mean that they do not know. */
function sizeOf({ columns, rows }: WriteStream): Size {
  return { columns: columns || 80, rows: rows || 24 };
}

function secondsOf(log: EventLog): string {
  return `${(log.elapsedMs / 1_000).toFixed(1).padStart(5)} s`;
}
