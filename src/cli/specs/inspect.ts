import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const inspectSpec: CommandSpec = {
  name: "inspect",
  summary: "show who holds a lock, and who waits for it",
  usage: ["inspect NAME [options]"],
  description: [
    "Shows all who stand in the queue of a lock, in the order of their turns: who, where, since when by their own clock, what for, and how long their lease has left if it is not renewed.",
    "Whatever lies below the key of the lock keeps others out, also what no lock client has put there. Such keys, and those that never expire, are told of on stderr.",
    "On a terminal it is for people. Elsewhere it is a line for each: PLACE (0 for those who hold), WHO, MODE, TOKEN, SINCE, SECONDS LEFT, HOST, PID, LEASE, KEY, REASON, between tabs, - for what is not known.",
    "Ends with 0 if somebody holds it, 1 if nobody does; 69 if etcd cannot be reached, 77 if it does not let us.",
  ],
  options: {
    json: { help: "print a JSON object" },
    ...connectionOptions,
  },
  operands: { min: 1, max: 1, areLocks: true },
  examples: [
    ["microlock inspect nightly", "why does the backup not start?"],
    ["microlock inspect nightly --json | jq -r '.holders[0].token'", "the holder's fencing token"],
  ],
  load: () => import("../commands/inspect.ts"),
};
