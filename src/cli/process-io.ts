import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { abortable } from "../signals.ts";
import { connectLike } from "./connection.ts";
import type { Io, Out } from "./io.ts";
import { endingSignals, SignalReceived } from "./signal-received.ts";

/**
 * The world as this process sees it.
 *
 * Node's stdin, stdout and stderr are not touched before they are needed: it makes pipes
 * non-blocking, for whoever shares them as well, such as a command that `microlock run` runs.
 */
export function processIo(): Io {
  const { env } = process;
  const told = new AbortController();
  const taken = new Set<NodeJS.Signals>();
  for (const signal of endingSignals) {
    process.on(signal, () => {
      if (!taken.has(signal)) told.abort(new SignalReceived(signal));
    });
  }
  return {
    get stdin() {
      return process.stdin;
    },
    stdout: outOn(1, env, heedingStdout(told)),
    stderr: outOn(2, env, { write: (text) => writeNow(2, text), drained: async () => {} }),
    env,
    signal: told.signal,
    onSignal(signals, listener) {
      for (const signal of signals) {
        taken.add(signal);
        process.on(signal, listener);
      }
      return () => {
        for (const signal of signals) {
          taken.delete(signal);
          process.removeListener(signal, listener);
        }
      };
    },
    connect: (args, options) => connectLike(args, env, { signal: told.signal, ...options }),
  };
}

function outOn(
  fd: 1 | 2,
  env: NodeJS.ProcessEnv,
  { write, drained }: Pick<Out, "write" | "drained">,
): Out {
  const isTerminal = isatty(fd) && env["TERM"] !== "dumb";
  const size = (side: "columns" | "rows"): number => {
    const stream = fd === 1 ? process.stdout : process.stderr;
    // Some terminals say that they are 0 wide, and mean that they do not know.
    return (isTerminal && stream[side]) || (side === "columns" ? 80 : 24);
  };
  return {
    write,
    drained,
    isTerminal,
    hasColour: env["NO_COLOR"] ? false : isTerminal || Number(env["FORCE_COLOR"] ?? 0) > 0,
    get columns() {
      return size("columns");
    },
    get rows() {
      return size("rows");
    },
  };
}

/** Writes to stdout, and tells the process to end when nobody reads it any more, as `head` does. */
function heedingStdout(told: AbortController): Pick<Out, "write" | "drained"> {
  let isHeeded = false;
  const stdout = (): NodeJS.WriteStream => {
    if (!isHeeded) process.stdout.on("error", () => told.abort(new SignalReceived("SIGPIPE")));
    isHeeded = true;
    return process.stdout;
  };
  return {
    write: (text) => void stdout().write(text),
    async drained() {
      told.signal.throwIfAborted();
      const out = stdout();
      if (!out.writableNeedDrain) return;
      await abortable(new Promise<void>((resolve) => out.once("drain", resolve)), told.signal);
    },
  };
}

/** Writes all of it before it returns. */
function writeNow(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      // Somebody made it non-blocking, and it is full; else nobody reads it any more.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
