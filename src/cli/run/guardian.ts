import { spawn } from "node:child_process";

// It reads how long, in seconds, the lock is good from now on. Once that is over, or when nothing
// can come any more, it ends the group; after `done` it ends itself.
const script = `
group=$1 patience=$2 timer=
nap() { sleep "$1" & nap=$!; wait "$nap"; }
end_group() {
  kill -s TERM -- "-$group"
  kill -s CONT -- "-$group"
  nap "$patience"
  kill -s KILL -- "-$group"
}
arm() {
  (
    trap 'kill "$nap"; exit 0' TERM
    nap "$1"
    end_group
  ) & timer=$!
}
disarm() { [ -z "$timer" ] || kill "$timer"; }
while read -r seconds; do
  disarm
  [ "$seconds" != done ] || exit 0
  arm "$seconds"
done
disarm
end_group
`;

/**
 * Ends a process group when this process cannot do so any more: at once when it dies, however
 * that happens, and when its lock is over while it is stopped. A small shell of its own, for
 * whatever lives in this process would die and stop with it.
 */
export class Guardian {
  readonly #shell;

  /** `patienceMs` is how long the group has from TERM to KILL when we have died. */
  constructor(group: number, patienceMs: number) {
    const args = ["-c", script, "sh", String(group), seconds(patienceMs)];
    // In a session of its own, so that no signal for us or for the group reaches it.
    this.#shell = spawn("/bin/sh", args, { stdio: ["pipe", "ignore", "ignore"], detached: true });
    // Somebody may have ended it: we go on without.
    this.#shell.on("error", () => {});
    this.#shell.stdin.on("error", () => {});
    this.#shell.unref();
  }

  /** The lock is good for so long. */
  renew(leftMs: number): void {
    this.#shell.stdin.write(`${seconds(leftMs)}\n`);
  }

  /** The group is gone. */
  dismiss(): void {
    this.#shell.stdin.end("done\n");
  }
}

function seconds(ms: number): string {
  return (Math.max(ms, 0) / 1_000).toFixed(3);
}
