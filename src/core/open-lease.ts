import { StoreError } from "../errors.ts";
import type { CallOptions, Etcd, ResponseHeader, TxnRequest } from "../etcd/api.ts";
import { isRefusal } from "./attempts.ts";
import { entryValue } from "./entry.ts";
import { bytesOf, sessionKey } from "./keys.ts";
import type { GrantedLease } from "./lease-keeper.ts";
import { overTooSoon, rolledBack } from "./requester.ts";
import type { SessionOptions } from "./session.ts";
import type { Standing } from "./transactor.ts";
import type { Unanswered } from "./unanswered.ts";

/** A lease, and the session's key on it. */
export interface OpenedLease {
  readonly lease: GrantedLease;
  readonly standing: Standing;
  /** The answer to the request that put the key. */
  readonly put: ResponseHeader;
}

/** Where a session on that lease has its key. */
export function standingOn({ namespace }: SessionOptions, lease: bigint): Standing {
  return { key: bytesOf(sessionKey(namespace, lease)), lease };
}

/** What a session's key says. */
export function sessionValue({ identity, clock }: SessionOptions): Uint8Array {
  return entryValue(identity, clock.wallTime());
}

/** A lease as it was granted, of which the last `delayMs` are not for us. */
export function withoutDelay(granted: GrantedLease, delayMs: number): GrantedLease {
  return { ...granted, ttlMs: granted.ttlMs - delayMs, delayMs };
}

/**
 * Opens a lease, and puts a session's key under it: two round trips. Nothing is left if that fails,
 * or for one TTL at the most. What an election swallowed is given up early, if `unanswered` is there
 * to find out.
 *
 * @throws {StoreError} when etcd is at a lower revision than `seen`: it went back in time, and would
 *   give out tokens again.
 */
export async function openLease(
  etcd: Etcd,
  options: SessionOptions,
  seen: ResponseHeader | undefined,
  unanswered: Unanswered | undefined,
  call: CallOptions,
): Promise<OpenedLease> {
  const { clock, ttlMs, lockDelayMs: delayMs } = options;
  // An id of our own, so that a lease can be ended even if its grant got no answer.
  const id = options.newLeaseId();
  let mayExist = true;
  try {
    const askedAt = clock.now();
    // Etcd counts in whole seconds.
    const ttl = BigInt(Math.ceil((ttlMs + delayMs) / 1_000));
    const grant = () => etcd.leaseGrant({ id, ttl }, call);
    const granted = await (unanswered?.wait(grant) ?? grant()).catch((error: unknown) => {
      mayExist = !isRefusal(error);
      throw error;
    });
    const standing = standingOn(options, id);
    const put = { key: standing.key, value: sessionValue(options), lease: id };
    const request: TxnRequest = { success: [{ op: "put", request: put }] };
    const send = () => etcd.txn(request, call);
    const { header } = await (unanswered?.wait(send) ?? send()).catch((error: unknown) => {
      throw error instanceof StoreError && error.status === "NOT_FOUND"
        ? overTooSoon(error)
        : error;
    });
    if (seen && header.revision < seen.revision) throw rolledBack(seen, header);
    const { raftTerm } = granted.header;
    const lease = { id, askedAt, ttlMs: Number(granted.ttl) * 1_000, delayMs: 0, raftTerm };
    return { lease: withoutDelay(lease, delayMs), standing, put: header };
  } catch (error) {
    // If this gets no answer, the lease ends by itself.
    const { timeoutMs } = call;
    // Who is refused may well close the client next, and an etcd that refuses does answer.
    const isRefused = isRefusal(error);
    // What is waited for keeps the process alive: else it would end before it is told.
    const revoke = () => etcd.leaseRevoke(id, { timeoutMs, keepsProcessAlive: isRefused });
    const revoked = mayExist && revoke().catch(() => {});
    if (isRefused) await revoked;
    throw error;
  }
}
