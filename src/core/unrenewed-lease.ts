import { sleep, type TimerOptions } from "../clock.ts";
import { StoreError, StoreUnavailableError } from "../errors.ts";
import { attemptMs } from "./attempts.ts";
import type { GrantedLease } from "./lease-keeper.ts";
import type { Waiting } from "./requester.ts";
import type { Session } from "./session.ts";

/** Where such a lease is: what a session and a client's sessions have in common. */
export type Leases = Pick<Session, "etcd" | "options">;

// Between two attempts when the first one failed at once.
const pauseMs = 100;

/**
 * Grants a lease that nobody renews: what hangs on it stands for `ms` milliseconds, rounded up to
 * whole seconds, whatever becomes of this process. It asks again while there is no answer.
 */
export async function grantLease(
  leases: Leases,
  ms: number,
  waiting: Waiting = {},
): Promise<GrantedLease> {
  const { etcd, options } = leases;
  const { clock } = options;
  const { signal, timeoutMs = options.callTimeoutMs } = waiting;
  const giveUpAt = clock.now() + timeoutMs;
  for (;;) {
    const id = options.newLeaseId();
    const askedAt = clock.now();
    const call = { signal, timeoutMs: Math.min(attemptMs(options.ttlMs), giveUpAt - askedAt) };
    try {
      const { ttl, header } = await etcd.leaseGrant(
        { id, ttl: BigInt(Math.ceil(ms / 1_000)) },
        call,
      );
      const { raftTerm } = header;
      return { id, ttlMs: Number(ttl) * 1_000, delayMs: 0, askedAt, raftTerm };
    } catch (error) {
      // The grant may have been carried out without an answer.
      void endLease(leases, id);
      const isPassing = error instanceof StoreUnavailableError;
      if (!isPassing || clock.now() + pauseMs >= giveUpAt) throw error;
      await sleep(clock, askedAt + pauseMs - clock.now(), signal);
    }
  }
}

/** How a lease is ended. */
export interface Ending extends Waiting, TimerOptions {}

/**
 * Ends a lease, and all that hangs on it. It asks again while there is no answer, which comes to the
 * same: one that is gone already is as good.
 *
 * @throws {StoreUnavailableError} when etcd does not answer in time. Then the lease ends by itself.
 */
export async function revokeLease(
  { etcd, options }: Leases,
  id: bigint,
  { signal, timeoutMs = options.callTimeoutMs, keepsProcessAlive = true }: Ending = {},
): Promise<void> {
  const { clock, ttlMs } = options;
  const giveUpAt = clock.now() + timeoutMs;
  for (;;) {
    const askedAt = clock.now();
    const call = { signal, timeoutMs: Math.min(attemptMs(ttlMs), giveUpAt - askedAt) };
    try {
      await etcd.leaseRevoke(id, { ...call, keepsProcessAlive });
      return;
    } catch (error) {
      if (error instanceof StoreError && error.status === "NOT_FOUND") return;
      const isPassing = error instanceof StoreUnavailableError;
      if (!isPassing || clock.now() + pauseMs >= giveUpAt) throw error;
      await sleep(clock, askedAt + pauseMs - clock.now(), signal, { keepsProcessAlive });
    }
  }
}

/**
 * Ends a lease that nobody needs any more. If that gets no answer, it ends by itself. Resolves in
 * either case.
 */
export async function endLease(leases: Leases, id: bigint): Promise<void> {
  const timeoutMs = attemptMs(leases.options.ttlMs);
  await revokeLease(leases, id, { timeoutMs, keepsProcessAlive: false }).catch(() => {});
}
