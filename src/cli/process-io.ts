import { writeSync } from "node:fs";
import { isatty } from "node:tty";
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
    stdout: outOn(1, (text) => void stdout().write(text), env),
    stderr: outOn(2, (text) => writeNow(2, text), env),
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

let isHeedingStdout = false;

function stdout(): NodeJS.WriteStream {
  // Whoever reads may have gone, as `head` does: then there is nobody to write for.
  if (!isHeedingStdout) process.stdout.on("error", () => process.exit());
  isHeedingStdout = true;
  return process.stdout;
}

function outOn(fd: 1 | 2, write: (text: string) => void, env: NodeJS.ProcessEnv): Out {
  const isTerminal = isatty(fd) && env["TERM"] !== "dumb";
  const size = (side: "columns" | "rows"): number => {
    const stream = fd === 1 ? process.stdout : process.stderr;
    // Some terminals say that they are 0 wide, and mean that they do not know.
    return (isTerminal && stream[side]) || (side === "columns" ? 80 : 24);
  };
  return {
    write,
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
