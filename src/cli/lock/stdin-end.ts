import { execFileSync } from "node:child_process";
import { ReadStream, readFileSync } from "node:fs";
import type { Io } from "../io.ts";

/**
 * Aborts when whoever feeds our stdin has closed it, or pressed Ctrl-D, which tells us to let go.
 *
 * It never does where the end says nothing: /dev/null and files are at their end from the start,
 * and shells and systemd give /dev/null to what they run in the background.
 */
export class StdinEnd {
  readonly #ended = new AbortController();
  readonly #stop: () => void = () => {};

  constructor({ stdin }: Pick<Io, "stdin">) {
    // Node takes what is neither a pipe, a socket nor a terminal for a file.
    if (stdin instanceof ReadStream) return;
    const end = (): void => this.#ended.abort();
    const heed = (): void => {
      // Whoever reads a terminal from the background is stopped, and loses its lock.
      if (!stdin.isTTY || isInForeground()) stdin.resume();
      else stdin.pause();
    };
    stdin.on("end", end).on("error", end);
    if (stdin.isTTY) process.on("SIGCONT", heed);
    heed();
    this.#stop = () => {
      process.removeListener("SIGCONT", heed);
      // A pipe that stays open would keep the process alive.
      stdin.destroy();
    };
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  close(): void {
    this.#stop();
  }
}

/** Whether we are whom the terminal listens to. */
function isInForeground(): boolean {
  try {
    const [group, foreground] = groups();
    return group === foreground;
  } catch {
    return false; // Ctrl-C works all the same
  }
}

/** Our process group, and that in the foreground of our terminal. */
function groups(): readonly (string | undefined)[] {
  if (process.platform !== "linux") {
    const args = ["-o", "pgid=,tpgid=", "-p", String(process.pid)];
    return execFileSync("ps", args, { encoding: "utf8" }).trim().split(/\s+/);
  }
  const stat = readFileSync("/proc/self/stat", "utf8");
  // Behind the name, which may have anything in it: state, parent, group, session, terminal.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [fields[2], fields[5]];
}
