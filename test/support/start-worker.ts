import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Something that a worker says. */
export type Fact = Readonly<Record<string, unknown>>;

/** A process that holds locks or waits for them. */
export interface Worker {
  readonly pid: number;
  /** Resolves with what the worker says of `topic`, now or before. */
  hears<T>(topic: string): Promise<T>;
  /** What it has said so far. */
  readonly facts: readonly Fact[];
  tell(command: "put" | "release" | "block" | "time" | "end" | "kill fork" | "end thread"): void;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code once the process has ended and all that it said was heard. */
  ended(): Promise<number | null>;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a process that connects to `endpoint` and asks for the lock `name`. */
export function startWorker(endpoint: string, name: string, ttlMs: number): Worker {
  return startProcess(new URL("./worker.mjs", import.meta.url), [endpoint, name, String(ttlMs)]);
}

/** Starts a process that says what happens as JSON, a line each. */
export function startProcess(script: URL, args: readonly string[]): Worker {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  running.add(child);
  // Unlike "exit", this comes after everything that it said.
  const exited = once(child, "close").then(([code]: (number | null)[]) => {
    running.delete(child);
    return code ?? null;
  });
  const facts: Fact[] = [];
  const listeners = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    facts.push(JSON.parse(line));
    for (const listener of [...listeners]) listener();
  });
  return {
    pid: child.pid ?? 0,
    facts,
    hears<T>(topic: string): Promise<T> {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const fact = facts.find((candidate) => topic in candidate);
          if (!fact) return;
          listeners.delete(look);
          resolve(fact[topic] as T);
        };
        listeners.add(look);
        void exited.then((code) =>
          reject(new Error(`the worker ended with ${code}, silent about ${topic}`)),
        );
        look();
      });
    },
    tell: (command) => void child.stdin.write(`${command}\n`),
    signal: (name) => void process.kill(child.pid ?? 0, name),
    ended: () => exited,
  };
}
