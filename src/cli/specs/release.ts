import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const releaseSpec: CommandSpec = {
  name: "release",
  summary: "take a lock away from whoever holds it",
  usage: ["release --force NAME --reason TEXT [options]"],
  description: [
    "Tells the holder that the lock is taken away, by whom and why, and removes its key once it has let go, or --grace is over. Then the next one in the queue gets in. A later holder is never hit. Prints who held it.",
    "It cannot stop code. A microlock client that holds the lock hears of it at once, and microlock run stops its command; etcdctl and Go services hear nothing, and work on.",
    "Shows who holds it and asks first. Without a terminal to ask on, --yes is needed.",
    "Elsewhere than on a terminal it prints a line for each who held it: NAME, WHO, TOKEN, SINCE, REASON, between tabs, - for what is not known.",
    "Ends with 0, also when nobody held it; 1 if the answer was no, 64 if the command line is wrong, 69 if etcd cannot be reached, 77 if it does not let us.",
  ],
  options: {
    force: { help: "say that this is meant; there is no release without it" },
    reason: { value: "TEXT", help: "why, for the holder and its logs" },
    by: { value: "TEXT", help: "who does it (default: $USER and the name of the host)" },
    grace: {
      value: "TIME",
      help: "how long the holder has to let go until its key is removed (default 1s)",
    },
    token: { value: "NUMBER", help: "only the holder with this fencing token" },
    yes: { short: "y", help: "do not ask" },
    json: { help: "print a JSON object" },
    ...connectionOptions,
  },
  operands: { min: 1, max: 1, areLocks: true },
  examples: [
    [
      "microlock release --force nightly --reason 'hangs since 3'",
      "shows who has it, asks, does it",
    ],
    [
      "microlock release --force nightly --reason restart --grace 30s --yes",
      "in a script, with time to finish",
    ],
  ],
  load: () => import("../commands/release.ts"),
};
