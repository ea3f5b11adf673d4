import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

/** `microlock`, as it is bundled. */
export const bundledCli = fileURLToPath(new URL("../../dist/cli/main.cjs", import.meta.url));

/** How a process of ours, or of etcdctl, goes. */
export interface Cli {
  readonly pid: number;
  readonly stdin: NonNullable<ChildProcess["stdin"]>;
  readonly stdout: string;
  readonly stderr: string;
  readonly hasEnded: boolean;
  signal(name: NodeJS.Signals): void;
  /** Resolves once it has printed that on stdout. */
  prints(text: string): Promise<void>;
  /** Resolves with the exit code, or the signal's name, once it and its output have ended. */
  ended(): Promise<number | NodeJS.Signals | null>;
}

// Node.js 20 reads certificates at each start, which takes a hundred milliseconds.
const notForThem = /^(ETCD|MICROLOCK|NODE_EXTRA_CA_CERTS$)/;

const running = new Set<ChildProcess>();
process.once("exit", endAll);

/** Ends whatever a test has left running. */
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts `microlock` on an etcd, as it is bundled. */
export function startCli(
  endpoint: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Cli {
  return startProgram(process.execPath, [bundledCli, ...args], {
    ETCDCTL_ENDPOINTS: endpoint,
    ...env,
  });
}

/** Starts a program, and listens to it. */
export function startProgram(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Cli {
  const clean = Object.entries(process.env).filter(([name]) => !notForThem.test(name));
  const child = spawn(file, args, {
    stdio: "pipe",
    env: { ...Object.fromEntries(clean), NO_COLOR: "1", ...env },
  });
  running.add(child);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  child.stdin.on("error", () => {});
  let hasEnded = false;
  const ended = once(child, "close").then(([code, signal]) => {
    hasEnded = true;
    running.delete(child);
    return signal ?? code;
  });
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    get hasEnded() {
      return hasEnded;
    },
    signal: (name) => void process.kill(child.pid ?? 0, name),
    prints: (text) =>
      eventually(() => output.stdout.includes(text) || hasEnded, { withinMs: 15_000 }),
    ended: () => ended,
  };
}

/** When something was printed by `echo what $(date +%s%N)`, in milliseconds. */
export function timeOf({ stdout }: Cli, what: string): number {
  const [, nanoseconds] = new RegExp(`^${what} (\\d+)$`, "m").exec(stdout) ?? [];
  if (nanoseconds === undefined) throw new Error(`No ${what} in ${JSON.stringify(stdout)}`);
  return Number(BigInt(nanoseconds) / 1_000n) / 1_000;
}
