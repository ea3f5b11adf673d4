// The thread that renews leases. The main thread starts it, and it ends with that.

import { parentPort, workerData } from "node:worker_threads";
import { clockOf, machineTime } from "../clock.ts";
import { LeaseKeeper } from "../core/lease-keeper.ts";
import { Terms } from "../core/terms.ts";
import { quorumWrite } from "../core/through-consensus.ts";
import { StoreError } from "../errors.ts";
import { GrpcEtcd } from "../etcd/grpc/grpc-etcd.ts";
import type { FromThread, SentError, ThreadData, ToThread } from "./messages.ts";
import { SharedTime } from "./shared-time.ts";

const data = workerData as ThreadData;
const clock = clockOf(machineTime, data.suspendedMs);
const etcd = new GrpcEtcd({ ...data.etcd, clock, random: Math.random });
const alive = new SharedTime(data.alive);
const terms = new Terms();
const confirm = data.strict ? quorumWrite(etcd, data.namespace) : undefined;
const keepers = new Map<bigint, LeaseKeeper>();

const say = (message: FromThread): void => parentPort?.postMessage(message);
terms.onRise(() => say({ type: "term", raftTerm: terms.highest }));
const isWanted = (): boolean => clock.now() - alive.ms < data.stallMs;

function hear(message: ToThread): void {
  if (message.type === "keep") keep(message);
  else if (message.type === "close") void close(message.id);
  else if (message.type === "term") terms.witness(message.raftTerm);
  else void end();
}

function keep({ lease, expiry: buffer }: Extract<ToThread, { type: "keep" }>): void {
  const expiry = new SharedTime(buffer);
  // Should it have to be ended, there is no time to connect.
  void etcd.leaseTimeToLive({ id: lease.id }).catch(() => {});
  const { id } = lease;
  const onLost: ConstructorParameters<typeof LeaseKeeper>[3] = (reason, cause) => {
    // What the clock tells, the main thread reads from it; all else ends it now.
    if (reason !== "expired" && reason !== "stalled") expiry.ms = 0;
    say({ type: "lost", id, reason, cause: cause === undefined ? undefined : sent(cause) });
  };
  const onFailed = (cause: unknown): void => say({ type: "failed", id, cause: sent(cause) });
  const onRenewed = (expiresAt: number): void => {
    expiry.ms = expiresAt;
  };
  keepers.set(
    id,
    new LeaseKeeper(etcd, clock, lease, onLost, { terms, confirm, onRenewed, onFailed, isWanted }),
  );
}

async function close(id: bigint): Promise<void> {
  await keepers.get(id)?.close();
  keepers.delete(id);
  say({ type: "closed", id });
}

/** Ends all leases, and wakes the main thread, which waits for that. */
async function end(): Promise<void> {
  const ending = [...keepers].map(async ([id, keeper]) => {
    await Promise.all([keeper.close(), etcd.leaseRevoke(id).catch(() => {})]);
  });
  await Promise.all(ending);
  const ended = new Int32Array(data.ended);
  Atomics.store(ended, 0, 1);
  Atomics.notify(ended, 0);
}

function sent(cause: unknown): SentError {
  const status = cause instanceof StoreError ? cause.status : undefined;
  return { status, message: cause instanceof Error ? cause.message : String(cause) };
}

parentPort?.on("message", hear);
say({ type: "ready" });
