import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const lsSpec: CommandSpec = {
  name: "ls",
  summary: "list the locks that are held",
  usage: ["ls [PREFIX] [options]"],
  description: [
    "Lists the locks that somebody holds, by their names: all of the namespace, or those whose names begin with PREFIX. What is taken or released meanwhile may be in it or not.",
    "On a terminal it is a table. Elsewhere it is a line for each lock, for cut and awk, without a head: NAME, MODE, HOLDERS, WAITERS, TOKEN, SINCE, HOLDER, REASON, between tabs, - for what is not known. Control characters are written as \\n or \\x1b. TOKEN, SINCE, HOLDER and REASON are those of the one who came first, of several who share a lock; HOLDER is the key of one that is no microlock client.",
    "Ends with 0, also when nothing is held; 69 if etcd cannot be reached, 77 if it does not let us.",
  ],
  options: {
    live: { help: "fill the terminal, and look again every second, until Ctrl-C" },
    json: { help: "print a JSON object for each lock, with all who hold it" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 1, areLocks: true },
  examples: [
    ["microlock ls", "what is held now"],
    ["microlock ls orders/ --live", "the same of some, again and again"],
    ["microlock ls | awk -F'\\t' '$4 > 10 { print $1 }'", "locks that more than ten wait for"],
    ["microlock ls --json | jq -r 'select(.holders[].host == \"web-1\").name'", "what web-1 holds"],
  ],
  load: () => import("../commands/ls.ts"),
};
