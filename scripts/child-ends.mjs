// How a child process ends.

import { spawn } from "node:child_process";
import { once } from "node:events";

const stopTimeoutMs = 10_000;

/** @param {import("node:child_process").ChildProcess} child */
export function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
export async function end(child, signal) {
  if (hasEnded(child)) return;
  const ended = once(child, "exit");
  child.kill(signal);
  // A server that is paused, or waits for its clients, does not hear of SIGTERM.
  const last = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await ended;
  clearTimeout(last);
}

/**
 * Nothing that runs in a killed process could end its children. So each has a shell beside
 * it, which waits for the pipe from us to close, and we close it only by dying. Then it
 * removes their folder as well.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @param {string} folder
 */
export function endWithThisProcess(child, folder) {
  const script = 'read -r _; kill -9 "$1"; rm -rf "$2"';
  const guard = spawn("sh", ["-c", script, "sh", String(child.pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    // Ctrl-C goes to all in our group, and is not for it.
    detached: true,
  });
  child.once("exit", () => guard.kill("SIGKILL"));
}
