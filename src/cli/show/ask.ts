import { createInterface } from "node:readline";
import { onAbort } from "../../signals.ts";
import type { Io } from "../io.ts";

/**
 * Asks a question on the terminal, and resolves with whether the answer is yes. No answer is none.
 *
 * @throws the reason of the world's `signal`, when that aborts.
 */
export async function ask({ stdin, stderr, signal }: Io, question: string): Promise<boolean> {
  signal.throwIfAborted();
  stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: stdin });
  const stopListening = onAbort(signal, () => lines.close());
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(""));
    });
    if (signal.aborted) stderr.write("\n");
    signal.throwIfAborted();
    return /^\s*y(es)?\s*$/i.test(answer);
  } finally {
    stopListening();
    lines.close();
  }
}
