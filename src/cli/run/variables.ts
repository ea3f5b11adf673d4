import type { Hold } from "../../core/hold.ts";
import { stackWith } from "./stack.ts";

/** What the command finds in its environment. */
export function variablesOf(hold: Hold, ttlMs: number, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    // As etcdctl names them, whose own would be those of an outer lock.
    ETCD_LOCK_KEY: hold.key,
    ETCD_LOCK_REV: String(hold.fencingToken),
    MICROLOCK_HELD: "true",
    MICROLOCK_NAME: hold.name,
    MICROLOCK_TOKEN: String(hold.fencingToken),
    MICROLOCK_LEASE: hold.lease.toString(16),
    MICROLOCK_TTL: String(ttlMs / 1_000),
    MICROLOCK_STACK: stackWith(env, hold),
  };
}
