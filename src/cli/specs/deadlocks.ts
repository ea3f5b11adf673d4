import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const deadlocksSpec: CommandSpec = {
  name: "deadlocks",
  summary: "show who waits for whom, and who for each other",
  usage: ["deadlocks [options]"],
  description: [
    "Shows which sessions wait for locks that others hold, in all of the namespace, and finds those that wait for each other: each holds what the next one waits for. It looks at one lock after the other, so look again before you act.",
    "A cycle is a suspicion. A session stands for all that its process does: if one request holds a lock, and another one waits, the first may well go on. But if the same cycle is there a minute later, nobody in it does. Locks that are taken together, in one call, never get into one.",
    "Not seen: a process that holds by one session and waits by another, such as nested etcdctl lock or microlock run; and whatever else it may wait for.",
    "On a terminal it is a table. Elsewhere it is a line for each wait: CYCLE (its number, - for none), WHO, NAME, SINCE, HELD BY, between tabs, - for what is not known.",
    "Ends with 0 if there is no cycle, 1 if there is one; 69 if etcd cannot be reached, 77 if it does not let us.",
  ],
  options: {
    json: { help: "print a JSON object" },
    dot: { help: "print a graph for Graphviz" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 0 },
  examples: [
    ["microlock deadlocks", "does anybody wait in vain?"],
    ["microlock deadlocks --dot | dot -Tsvg > waits.svg", "a picture of it"],
  ],
  load: () => import("../commands/deadlocks.ts"),
};
