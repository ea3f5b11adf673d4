import { attemptMs } from "./attempts.ts";
import { randomLeaseId } from "./lease-id.ts";
import type { Session } from "./session.ts";
import type { Waiting } from "./transactor.ts";

/** Where such a lease is: what a session and a client's sessions have in common. */
type Leases = Pick<Session, "etcd" | "options">;

/**
 * Grants a lease that nobody renews: what hangs on it stands for `ms` milliseconds, rounded up to
 * whole seconds, whatever becomes of this process.
 */
export async function grantLease(
  leases: Leases,
  ms: number,
  waiting: Waiting = {},
): Promise<bigint> {
  const { etcd, options } = leases;
  const { signal, timeoutMs = options.callTimeoutMs } = waiting;
  const id = randomLeaseId();
  try {
    await etcd.leaseGrant({ id, ttl: BigInt(Math.ceil(ms / 1_000)) }, { signal, timeoutMs });
    return id;
  } catch (error) {
    // The grant may have been carried out without an answer.
    endLease(leases, id);
    throw error;
  }
}

/** Ends a lease that nobody needs any more. If that gets no answer, it ends by itself. */
export function endLease({ etcd, options }: Leases, id: bigint): void {
  const timeoutMs = attemptMs(options.ttlMs);
  void etcd.leaseRevoke(id, { timeoutMs, keepsProcessAlive: false }).catch(() => {});
}
