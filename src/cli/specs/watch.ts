import type { CommandSpec } from "../command.ts";
import { connectionOptions } from "../connection.ts";

export const watchSpec: CommandSpec = {
  name: "watch",
  summary: "tell what happens to locks, line by line",
  usage: ["watch [NAME] [options]"],
  description: [
    "Tells of everything that happens from now on in the queue of a lock, or in all of the namespace: joined (somebody asked), acquired, released, left (a waiter gave up), expired (its lease ended) and revoked (taken away by force). In order, nothing twice, nothing left out, over lost connections too; if something was missed nevertheless, stderr says so.",
    "On a terminal the lines are for people. Elsewhere they are TIME, EVENT, NAME, WHO, MODE, TOKEN, REASON, between tabs, - for what is not known.",
    "Runs until it is told to end: Ctrl-C ends it with 130. Ends with 69 if etcd cannot be reached at first, 77 if it does not let us. Later it waits for an etcd that is not there, and says so on stderr.",
  ],
  options: {
    prefix: { value: "TEXT", help: "only locks whose names begin with it; instead of NAME" },
    json: { help: "print a JSON object for each event" },
    ...connectionOptions,
  },
  operands: { min: 0, max: 1, areLocks: true },
  examples: [
    ["microlock watch nightly", "who gets the lock, and when"],
    ["microlock watch --json | jq 'select(.event == \"expired\")'", "who died with a lock"],
  ],
  load: () => import("../commands/watch.ts"),
};
