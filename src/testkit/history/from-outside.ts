import { isHolding, type Request } from "./request.ts";
import type { Entry, Write } from "./server-side.ts";

// Of these no client can know beforehand.
const byForce = ["deleted", "overwritten", "revoked", "rolled back"];

/**
 * A request as it counts for somebody who sees the store and what the lock protects as well. One that
 * was taken away by force is believed in until then, and had to stop only if it was told before. Who
 * writes is at work. One that heard of getting in only after it was taken away never got in.
 */
export function fromOutside(
  request: Request,
  entries: readonly Entry[],
  writes: readonly Write[],
): Request {
  if (!isHolding(request) || request.end !== "lost") return request;
  const { name, token, gotAt, until, stoppedAt = until, why = "" } = request;
  const isSame = (other: Entry | Write): boolean => other.name === name && other.token === token;
  const goneAt = entries.find(isSame)?.seenRemovedAt ?? Number.POSITIVE_INFINITY;
  const isForced = byForce.includes(why);
  if (isForced && goneAt < gotAt) {
    return { ...request, token: undefined, gotAt: undefined, stoppedAt: undefined, end: "gave up" };
  }
  const wrote = writes.filter(isSame).map(({ at = until }) => at);
  return {
    ...request,
    until: isForced ? Math.min(until, goneAt) : until,
    toldInTime: request.toldInTime && !(isForced && until >= goneAt),
    stoppedAt: Math.max(stoppedAt, ...wrote),
  };
}
