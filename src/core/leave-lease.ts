import { ownRange } from "./revocation.ts";
import { moveRequests } from "./roll-requests.ts";
import type { Session } from "./session.ts";
import type { Standing } from "./transactor.ts";
import { endLease } from "./unrenewed-lease.ts";

/**
 * Ends a lease that a session has moved away from. What somebody else hung on it, through
 * `hold.lease`, moves as well.
 */
export async function leaveLease(
  session: Session,
  from: Standing,
  to: Standing,
  signal: AbortSignal,
): Promise<void> {
  const { key, rangeEnd } = ownRange(from.key);
  const isLeft = (each: Uint8Array): boolean =>
    Buffer.compare(each, key) >= 0 && Buffer.compare(each, rangeEnd) < 0;
  try {
    const { keys } = await session.etcd.leaseTimeToLive({ id: from.lease, keys: true }, { signal });
    const others = keys.filter((each) => !isLeft(each));
    for (const request of moveRequests(from.lease, to.lease, others))
      await session.ask(request, { signal });
  } catch {
    // Etcd does not say, or does not let us: what hangs there goes with the lease, as it must.
  }
  await endLease(session, from.lease);
}
