import { askingOptions, exitCodeOptions, ttlOption } from "../asking.ts";
import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const lockSpec: CommandSpec = {
  name: "lock",
  summary: "hold a lock until told to let go, for shell scripts",
  usage: ["lock NAME [options]"],
  description: [
    "Waits its turn for the lock, writes its fencing token to stdout, one line, and keeps the lock until it is told to let go: by SIGTERM, SIGINT or SIGHUP, or by the end of its stdin.",
    "The end of stdin counts if stdin is a pipe, a socket or a terminal (Ctrl-D). If it is /dev/null or a file, which shells give to what they run with &, only a signal ends it. A pipe from the script is the safest: it closes when the script ends, however that happens.",
    "If the command is known beforehand, microlock run is better: it ends the command when the lock is lost. A script has to see to that itself, as in the second example.",
    "Ends with 0 if the lock was ours until it was told to let go, 79 at once if it was lost, 75 if it is taken and the time to wait is over, 128 and the number of the signal if that came while it waited (129 for the end of stdin), 69 if etcd cannot be reached, 77 if it does not let us, 64 if the command line is wrong.",
  ],
  options: {
    ...askingOptions,
    ...ttlOption,
    reason: { value: "TEXT", help: "what for, for those who look (default: microlock lock)" },
    ...exitCodeOptions,
    verbose: { help: "say on stderr what happens" },
    json: { help: "say on stdout what happens, in JSON, a line for each event" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 1, areLocks: true },
  examples: [
    ["microlock lock nightly", "holds it until Ctrl-D or Ctrl-C, by hand"],
    [
      'coproc L { microlock lock nightly || kill $$; }; read -r token <&"$L" || exit',
      "in bash: goes on with the token once it is ours, and ends the script if it is lost",
    ],
    ['pid=$L_PID; exec {L[1]}>&-; wait "$pid"', "and lets go of it; so does the end of the script"],
    [
      "mkfifo in out; microlock lock nightly <in >out & exec 3>in; read -r token <out",
      "the same in any POSIX shell; exec 3>&- lets go",
    ],
  ],
  load: () => import("../commands/lock.ts"),
};
