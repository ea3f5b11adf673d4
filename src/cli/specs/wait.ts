import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const waitSpec: CommandSpec = {
  name: "wait",
  summary: "wait until nobody holds a lock, without taking it",
  usage: ["wait NAME [options]", "wait NAME -n"],
  description: [
    "Waits until nobody holds the lock nor waits for it. It does not take it: in the next moment somebody else may have it. To do something while nobody else does, use microlock run.",
    "Ends with 0 when it is free; 75 if it is taken and the time to wait is over, 69 if etcd cannot be reached, 77 if it does not let us.",
  ],
  options: {
    nonblock: { short: "n", help: "do not wait, just look: 0 if it is free, 75 if it is taken" },
    wait: { short: "w", value: "TIME", help: "wait so long at the most (default: for ever)" },
    quiet: { short: "q", help: "do not say who has it" },
    ...connectionOptions,
  },
  operands: { min: 1, max: 1, areLocks: true },
  examples: [
    ["microlock wait -w 10m migration && ./start", "starts once the migration is over"],
    ["if microlock wait -nq nightly; then echo free; fi", "looks, and does not wait"],
  ],
  load: () => import("../commands/wait.ts"),
};
