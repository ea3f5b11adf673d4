import { exitCodeOptions, ttlOption, waitOptions } from "../asking.ts";
import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";
import { shellOption, stopOptions } from "./run.ts";

export const electSpec: CommandSpec = {
  name: "elect",
  summary: "lead, or see who leads",
  usage: [
    "elect NAME VALUE [options] [-- COMMAND [ARGS…]]",
    "elect NAME VALUE [options] -c 'SHELL COMMAND'",
    "elect --observe NAME [options]",
  ],
  description: [
    "Campaigns with VALUE, which says to others who we are, and waits until it leads. Then it writes its key and the value to stdout, a line each, as etcdctl elect does, and leads until it is told to end: by SIGTERM, SIGINT or SIGHUP, or by the end of its stdin, as with microlock lock.",
    "With a command it runs that while it leads, as microlock run does: nothing is written to stdout, and the command is told to stop when the leadership is lost.",
    "With --observe it writes the key and the value of whoever leads, now and whenever that changes, until a signal ends it.",
    "Candidates of etcdctl elect, Go's concurrency.Election and the etcd3 package take part under the name that microlock's namespace and NAME make together.",
    "Ends with what the command ends with, or with 0 if we led until told to end; 79 if the leadership was lost, 75 if somebody else leads and the time to wait is over, 128 and the number of the signal if that came while it waited or observed, 69 if etcd cannot be reached, 77 if it does not let us, 64 if the command line is wrong.",
  ],
  options: {
    observe: { short: "l", help: "say who leads, whenever that changes" },
    ...waitOptions,
    ...shellOption,
    ...ttlOption,
    ...stopOptions,
    ...exitCodeOptions,
    verbose: { help: "say on stderr what happens" },
    json: {
      help: "say it in JSON, a line for each event: on stdout, but on stderr with a command",
    },
    ...connectionOptions,
  },
  operands: { min: 1, max: 2, areLocks: true },
  takesCommand: "optional",
  examples: [
    ["microlock elect scheduler web-1 -- ./scheduler", "runs it on one replica at a time"],
    ["microlock elect --observe scheduler", "who runs it, now and from now on"],
    [
      "etcdctl elect -l microlock/scheduler",
      "what etcdctl says of the same election, with the namespace before its name",
    ],
  ],
  load: () => import("../commands/elect.ts"),
};
