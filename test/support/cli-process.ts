import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.cjs", import.meta.url));

/** `microlock` as users start it: the bundle that `npm run build` makes, in a process of its own. */
export class CliProcess {
  readonly process: ChildProcess;
  stdout = "";
  stderr = "";
  /** Resolves with the exit code. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv, stdin: "pipe" | "ignore" = "pipe") {
    const child = spawn(process.execPath, [main, ...argv], {
      stdio: [stdin, "pipe", "pipe"],
      env: { PATH: process.env["PATH"], ...env },
    });
    this.process = child;
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(code ?? signal ?? -1));
    });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
  }

  /** Resolves with what it has written to stdout once that is so many lines. */
  async lines(count: number): Promise<readonly string[]> {
    await eventually(() => this.stdout.split("\n").length > count, { withinMs: 10_000 });
    return this.stdout.trimEnd().split("\n");
  }
}
