import { type ChildProcess, fork } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { endWithThisProcess } from "../scripts/child-ends.mjs";
import type { ReplicaEvent } from "./events.ts";
import type { LedgerFile } from "./ledger-file.ts";
import type { Downward, ReplicaOptions, Upward } from "./messages.ts";

/** A running replica, as the demo handles it. */
export interface ReplicaHandle {
  /** Ends it for good, in the middle of whatever it does. Resolves once all it said was heard. */
  kill(): Promise<void>;
  /** Stops it where it is, until `resume`. */
  pause(): void;
  resume(): void;
  /** Lets it finish its turn and close its client. */
  stop(): Promise<void>;
}

/** What to start a replica with. */
export interface Launch {
  readonly id: string;
  readonly onEvent: (event: ReplicaEvent) => void;
  /** Called if it ends by itself, which it should not. */
  readonly onFailure: (error: Error) => void;
}

export type Launcher = (launch: Launch) => ReplicaHandle;

// A replica closes its client when it is told to stop, which takes a few round trips.
const stopMs = 4_000;

/** Starts replicas as processes: what strikes them is real. */
export function launcher(ledger: LedgerFile, options: Omit<ReplicaOptions, "id">): Launcher {
  const program = fileURLToPath(new URL("./replica-process.js", import.meta.url));
  return (launch) => {
    const { id } = launch;
    const child = fork(program, [JSON.stringify({ id, ...options } satisfies ReplicaOptions)], {
      // Tokens are bigints, which JSON cannot carry.
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    // Should the demo be killed, a replica that is paused would stay for ever.
    endWithThisProcess(child, dirname(ledger.path));
    return handle(child, ledger, launch);
  };
}

function handle(child: ChildProcess, ledger: LedgerFile, launch: Launch): ReplicaHandle {
  const { id, onEvent, onFailure } = launch;
  const answer = (message: Downward): void => {
    // It may be dead by now, and needs no answer then.
    if (child.connected) child.send(message, () => {});
  };
  let complaint = "";
  let ending = false;

  child.on("message", (message: Upward) => {
    if (message.type === "report") {
      onEvent(message.event);
    } else if (message.type === "read") {
      answer({ type: "read", ask: message.ask, updates: ledger.read(message.token) });
    } else {
      const written = ledger.write(message.updates, message.token);
      answer({ type: "write", ask: message.ask, written });
    }
  });
  child.stderr?.on("data", (data) => {
    complaint = `${complaint}${data}`.slice(-2_000);
  });
  child.on("error", onFailure);
  const closed = new Promise<void>((resolve) => {
    child.on("close", (code, signal) => {
      if (!ending) onFailure(new Error(`${id} ended with ${signal ?? code}\n${complaint}`));
      resolve();
    });
  });

  const end = (signal: NodeJS.Signals): Promise<void> => {
    ending = true;
    child.kill(signal);
    return closed;
  };
  return {
    kill: () => end("SIGKILL"),
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      ending = true;
      child.kill("SIGCONT");
      answer({ type: "stop" });
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
