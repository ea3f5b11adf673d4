import { connect } from "microlock";
import type { Ledger } from "./ledger.ts";
import type { Downward, ReplicaOptions, Upward } from "./messages.ts";
import { runReplica } from "./replica.ts";

// The process of a replica. The demo starts it, and reaches it by messages.

const { id, target, namespace, ttlMs }: ReplicaOptions = JSON.parse(process.argv[2] ?? "{}");
const stopping = new AbortController();
const answers = new Map<number, (answer: Downward) => void>();
let asks = 0;

function send(message: Upward): void {
  // If the demo is gone, "disconnect" says so.
  process.send?.(message, undefined, undefined, () => {});
}

function answer(ask: number): Promise<Downward> {
  return new Promise((resolve) => answers.set(ask, resolve));
}

const ledger: Ledger = {
  async read(token) {
    const ask = ++asks;
    send({ type: "read", ask, token });
    const message = await answer(ask);
    return message.type === "read" ? message.updates : [];
  },
  async write(updates, token) {
    const ask = ++asks;
    send({ type: "write", ask, token, updates });
    const message = await answer(ask);
    return message.type === "write" && message.written;
  },
};

process.on("message", (message: Downward) => {
  if (message.type === "stop") {
    stopping.abort();
  } else {
    answers.get(message.ask)?.(message);
    answers.delete(message.ask);
  }
});
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group of processes; when a replica ends is for the demo to say.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const locks = await connect(target, { namespace, ttlMs, nodeId: id });
await runReplica({
  id,
  locks,
  ledger,
  report: (event) => send({ type: "report", event }),
  stop: stopping.signal,
});
await locks.close();
process.disconnect?.();
