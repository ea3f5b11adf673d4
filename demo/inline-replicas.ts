import { type Clock, connect, type Etcd } from "microlock";
import type { LedgerFile } from "./ledger-file.ts";
import { Lifeline } from "./lifeline.ts";
import { runReplica } from "./replica.ts";
import type { Launch, Launcher, ReplicaHandle } from "./replica-handle.ts";
import { suspendableClock } from "./suspendable-clock.ts";
import { suspendableEtcd } from "./suspendable-etcd.ts";

/** Starts replicas inside this process, each with a client of its own on one store. */
export function inlineLauncher(
  ledger: LedgerFile,
  { store, namespace, ttlMs }: { store: Etcd; namespace: string; ttlMs: number },
): Launcher {
  return (launch) => {
    const lifeline = new Lifeline();
    const stopping = new AbortController();
    const ended = live(launch, {
      lifeline,
      stop: stopping.signal,
      ledger,
      options: {
        store: suspendableEtcd(store, lifeline),
        clock: suspendableClock(lifeline),
        namespace,
        ttlMs,
      },
    }).catch(launch.onFailure);
    return handle(lifeline, stopping, ended);
  };
}

interface Life {
  readonly lifeline: Lifeline;
  readonly stop: AbortSignal;
  readonly ledger: LedgerFile;
  readonly options: { store: Etcd; clock: Clock; namespace: string; ttlMs: number };
}

async function live(
  { id, onEvent }: Launch,
  { lifeline, stop, ledger, options }: Life,
): Promise<void> {
  const locks = await connect({ ...options, nodeId: id });
  await runReplica({
    id,
    locks,
    ledger: {
      read: (token) => lifeline.carry(Promise.resolve(ledger.read(token))),
      write: (updates, token) => lifeline.carry(Promise.resolve(ledger.write(updates, token))),
    },
    report: onEvent,
    sleep: (ms) => new Promise((resolve) => options.clock.setTimer(ms, resolve)),
    stop,
  });
  await locks.close();
}

function handle(
  lifeline: Lifeline,
  stopping: AbortController,
  ended: Promise<void>,
): ReplicaHandle {
  return {
    async kill() {
      lifeline.cut();
    },
    pause: () => lifeline.pause(),
    resume: () => lifeline.resume(),
    async stop() {
      lifeline.resume();
      lifeline.deliver(() => stopping.abort());
      await ended;
    },
  };
}
