import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { endWithThisProcess } from "../../scripts/child-ends.mjs";

const script = fileURLToPath(new URL("./client.mjs", import.meta.url));
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** One life of a client: a process that says what happens, a line each. */
export class ClientProcess {
  readonly who: string;
  /** What it said, as JSON. It is read when all is over, so that reading disturbs nothing. */
  readonly lines: string[] = [];
  /** The end of what it complained of. */
  complaint = "";
  /** Resolves once it has connected, or has ended. */
  readonly ready: Promise<void>;
  /** Resolves with its exit code, if it had one, when it has ended and all that it said was heard. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(who: string, program: object) {
    this.who = who;
    const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    // One that is stopped does not notice that its input has ended.
    if (child.pid !== undefined) endWithThisProcess(child, "");
    // Unlike "exit", this comes after everything that it said.
    this.ended = once(child, "close").then(([code]: (number | null)[]) => {
      running.delete(child);
      return code ?? null;
    });
    const { stdin, stdout, stderr } = child;
    // It may be killed before it has read its program.
    stdin?.on("error", () => {});
    stdin?.write(`${JSON.stringify({ ...program, who })}\n`);
    stderr?.setEncoding("utf8").on("data", (text) => {
      this.complaint = (this.complaint + text).slice(-2_000);
    });
    this.ready = new Promise((resolve) => {
      void this.ended.then(() => resolve());
      createInterface({ input: stdout as NonNullable<typeof stdout> }).on("line", (line) => {
        if (line === '{"ready":true}') resolve();
        else this.lines.push(line);
      });
    });
  }

  /** Whether the last that it said of itself is that it got something. */
  get holds(): boolean {
    return this.lines.at(-1)?.includes('"kind":"got"') ?? false;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Tells it to come to an end. */
  finish(): void {
    this.#child.stdin?.write("end\n");
  }
}
