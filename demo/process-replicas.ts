import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LedgerFile } from "./ledger-file.ts";
import type { Downward, ReplicaOptions, Upward } from "./messages.ts";
import type { Launch, Launcher, ReplicaHandle } from "./replica-handle.ts";

// A replica closes its client when it is told to stop, which takes a few round trips.
const stopMs = 4_000;

/** Starts replicas as processes: what strikes them is real. */
export function processLauncher(ledger: LedgerFile, options: Omit<ReplicaOptions, "id">): Launcher {
  const program = fileURLToPath(new URL("./replica-process.js", import.meta.url));
  return (launch) => {
    const { id } = launch;
    const child = fork(program, [JSON.stringify({ id, ...options } satisfies ReplicaOptions)], {
      // Tokens are bigints, which JSON cannot carry.
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
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
  // Should the demo itself fail, a replica that is paused would stay for ever.
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.on("exit", killAtExit);
  const closed = new Promise<void>((resolve) => {
    child.on("close", (code, signal) => {
      process.off("exit", killAtExit);
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
