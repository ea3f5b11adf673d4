import { askingOptions, exitCodeOptions, ttlOption } from "../asking.ts";
import type { CommandSpec, OptionSpecs } from "../command.ts";
import { connectionOptions } from "../connection.ts";

/** How a command may be written as well. */
export const shellOption: OptionSpecs = {
  command: {
    short: "c",
    value: "COMMAND",
    help: "run this in a shell; what stands behind -- is $0, $1, …",
  },
};

/** How a command ends whose lock is lost. */
export const stopOptions: OptionSpecs = {
  signal: { value: "NAME", help: "how to tell the command that the lock is lost (default TERM)" },
  "kill-after": { value: "TIME", help: "when to kill it if it goes on after that (default 5s)" },
  "lock-delay": {
    value: "TIME",
    help: "how long nobody gets in after the lock was lost, unless the command has ended (default: --kill-after and 1s)",
  },
  "on-lost": { value: "COMMAND", help: "run this in a shell as well when the lock is lost" },
};

export const runSpec: CommandSpec = {
  name: "run",
  summary: "wait for a lock, run a command while it is ours",
  usage: ["run NAME [options] -- COMMAND [ARGS…]", "run NAME [options] -c 'SHELL COMMAND'"],
  description: [
    "Waits its turn for the lock, runs the command, and releases the lock when it has ended. No shell comes in between, stdin is passed on, and nothing of ours is written to stdout.",
    "The command runs in a session and process group of its own, which signals are passed on to. When the lock is lost, the group is told to stop, and killed after --kill-after; the next one gets in once the command has ended, or after --lock-delay.",
    "It finds MICROLOCK_NAME, MICROLOCK_TOKEN (the fencing token), MICROLOCK_LEASE, MICROLOCK_HELD=true, MICROLOCK_STACK, ETCD_LOCK_KEY and ETCD_LOCK_REV in its environment.",
    "Ends with what the command ends with, 128 and the number of the signal that ended it, 126 if it cannot be run, 127 if it is not there; 75 if the lock is taken and the time to wait is over, 79 if it was lost, 69 if etcd cannot be reached, 77 if it does not let us, 64 if the command line is wrong.",
  ],
  options: {
    ...askingOptions,
    ...shellOption,
    ...ttlOption,
    "min-hold": {
      value: "TIME",
      help: "how long nobody gets in after we did, however short the command is",
    },
    reason: { value: "TEXT", help: "what for, for those who look (default: the command's name)" },
    ...stopOptions,
    ...exitCodeOptions,
    verbose: { help: "say on stderr what happens" },
    json: { help: "say it in JSON, a line for each event" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 1, areLocks: true },
  takesCommand: "required",
  examples: [
    ["microlock run nightly -- ./backup.sh", "one backup at a time, whichever host starts it"],
    [
      "microlock run -n cron/hourly --min-hold 5m -- ./report",
      "skipped if another replica is at it",
    ],
    ["microlock run -w 30s migrations -c 'npm run migrate && npm run seed'", "waits half a minute"],
  ],
  load: () => import("../commands/run.ts"),
};
