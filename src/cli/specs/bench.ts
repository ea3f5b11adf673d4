import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const benchSpec: CommandSpec = {
  name: "bench",
  summary: "measure how fast locks are here",
  usage: ["bench [options]"],
  description: [
    "Measures, one after another: how long it takes to get a lock that nobody has, with 1, 16 and 256 at a time, each with a name of its own; one lock that 16 want in one process; and one lock that goes to and fro between two clients, from the release in one until it is ours in the other.",
    "All of it comes from this one process, by one connection for each client. So it says how long a program waits for its locks on this machine and this cluster, and what one process can do, not what the cluster could do for many.",
    "It writes to the cluster as fast as it can: beware of one that others work on. Its locks have a namespace of their own below --namespace, and nothing is left of them, after Ctrl-C either.",
  ],
  options: {
    concurrency: { value: "N,…", help: "how many free locks at a time (default 1,16,256)" },
    seconds: { value: "TIME", help: "how long to measure each (default 2)" },
    json: { help: "say it as one JSON object, with the times in milliseconds" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 0 },
  examples: [
    ["microlock bench", "some ten seconds"],
    ["microlock bench --concurrency 64 --seconds 30 --json", "longer, for a program to read"],
  ],
  load: () => import("../commands/bench.ts"),
};
