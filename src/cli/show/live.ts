import { type Clock, sleep } from "../../clock.ts";
import type { Io } from "../io.ts";
import { clip, coloured, type Line, painted, plain } from "../text.ts";

const everyMs = 1_000;
// The screen behind the one with the shell on it, without a cursor.
const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";

/**
 * Fills the terminal with what `linesOf` says, after every `refresh` and whenever its size changes,
 * until the process is told to end. The terminal is then as it was.
 */
export async function showLive(
  io: Io,
  clock: Clock,
  refresh: () => Promise<void>,
  linesOf: (columns: number, rows: number) => readonly Line[],
): Promise<never> {
  const { stdout, signal } = io;
  const paint = stdout.hasColour ? coloured : plain;
  const draw = (): void => {
    const { columns, rows } = stdout;
    const lines = linesOf(columns, rows).slice(0, rows);
    const text = lines.map((line) => `${painted(clip(line, columns), paint)}\u001b[K`);
    // No line break behind the last one, which would scroll.
    stdout.write(`\u001b[H${text.join("\r\n")}\u001b[J`);
  };
  stdout.write(enter);
  const stopListening = io.onSignal(["SIGWINCH"], draw);
  try {
    for (;;) {
      await refresh();
      draw();
      await sleep(clock, everyMs, signal);
    }
  } finally {
    stopListening();
    stdout.write(leave);
  }
}
