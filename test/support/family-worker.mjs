// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A process that holds a lock, with a fork and a worker thread that hold one each.
import cluster from "node:cluster";
import { createInterface } from "node:readline";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { connect } from "microlock";

const say = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`);
const [endpoint] = isMainThread ? process.argv.slice(2) : workerData;
const who = cluster.isWorker ? "fork" : isMainThread ? "parent" : "thread";
const locks = await connect(endpoint, { ttlMs: 3_000, nodeId: who });
const hold = await locks.acquire(who);
const fact = { [who]: { key: hold.key, lease: String(hold.lease) } };
hold.signal.addEventListener("abort", () => say({ [`${who} lost`]: hold.signal.reason.reason }));

if (who === "fork") process.send(fact);
else if (who === "thread") parentPort.postMessage(fact);
else {
  say(fact);
  const fork = cluster.fork();
  fork.on("message", say);
  const thread = new Worker(new URL(import.meta.url), { workerData: [endpoint] });
  thread.on("message", say);
  for await (const command of createInterface({ input: process.stdin })) {
    if (command === "end") break;
    if (command === "kill fork") process.kill(fork.process.pid, "SIGKILL");
    if (command === "end thread") await thread.terminate();
    if (command === "put")
      say({ put: await hold.put("family", "fine").then(() => "done", String) });
  }
  await locks.close();
  process.exit();
}
// Nothing else keeps it alive.
setInterval(() => {}, 1_000);
