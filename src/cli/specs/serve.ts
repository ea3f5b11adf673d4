import type { CommandSpec } from "../command.ts";

export const serveSpec: CommandSpec = {
  name: "serve",
  summary: "be an etcd, for development and tests",
  usage: ["serve [--listen ADDRESS]"],
  description: [
    "Serves etcd's gRPC API from the memory of this process, in plain text: etcdctl, Go's client, the etcd3 package and microlock work with it as with etcd. Writes its address to stdout once it listens, and goes on until a signal ends it.",
    "It is one process without replication: nothing is on disk, nothing outlives it, and whoever can reach it can do everything. It is for development and tests, not for production.",
    "Ends with 0 when SIGINT, SIGTERM or SIGHUP ends it, 64 if it cannot listen there.",
  ],
  options: {
    listen: {
      value: "ADDRESS",
      help: "host and port to listen on; port 0 for one that is free (default 127.0.0.1:2379)",
    },
    json: { help: "write what it listens on in JSON" },
  },
  operands: { min: 0, max: 0 },
  examples: [
    ["microlock serve", "an etcd where everybody looks for one"],
    ["microlock serve --listen 127.0.0.1:0", "on a port that is free, which it says"],
    ["etcdctl put greeting hello", "in another terminal"],
  ],
  load: () => import("../commands/serve.ts"),
};
