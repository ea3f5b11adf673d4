import { type ChildProcess, spawn } from "node:child_process";
import { exitCodes } from "../exit-codes.ts";
import { exitCodeOfSignal } from "../signal-received.ts";

/** How a command ended. */
export interface Ending {
  readonly exitCode: number;
  /** Why it never ran, for people. */
  readonly failure?: string;
}

/** A command that runs in a process group of its own, on our stdin, stdout and stderr. */
export class Child {
  /** Resolves when the command has ended, or cannot be run. It never rejects. */
  readonly ended: Promise<Ending>;
  readonly #process: ChildProcess;

  constructor([file, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    this.#process = spawn(file, args, { stdio: "inherit", detached: true, env });
    this.ended = new Promise((resolve) => {
      this.#process.once("error", (error) => resolve(failureOf(file, error)));
      this.#process.once("exit", (code, signal) => {
        resolve({ exitCode: signal ? exitCodeOfSignal(signal) : (code ?? 0) });
      });
    });
  }

  /** The id of its process and of its group; undefined if it cannot be run. */
  get group(): number | undefined {
    return this.#process.pid;
  }

  /** Sends a signal to all in the group. Returns whether anybody is there. */
  signal(signal: NodeJS.Signals | 0): boolean {
    if (this.group === undefined) return false;
    try {
      return process.kill(-this.group, signal);
    } catch {
      return false;
    }
  }
}

function failureOf(file: string, error: Error): Ending {
  const code = "code" in error ? error.code : undefined;
  const isMissing = code === "ENOENT";
  return {
    exitCode: isMissing ? exitCodes.notFound : exitCodes.notExecutable,
    failure: `${file}: ${isMissing ? "there is no such command" : `it cannot be run (${code})`}`,
  };
}
