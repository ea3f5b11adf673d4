import { RevokedError } from "../errors.ts";
import type { KeyValue } from "../etcd/api.ts";
import { jsonMembers } from "./json-members.ts";
import { bytesOf, sessionKey, textOf, type WholeRange } from "./keys.ts";

/**
 * A request to let go of a hold. It stands below the key of the session that holds, on the
 * session's own lease, and so goes with it.
 */
export interface Revocation {
  /** Which hold: its fencing token. */
  readonly token: bigint;
  /** Who wants it, and why. */
  readonly by: string;
  readonly reason: string;
  /** How long the holder has, in milliseconds, until its keys go. An infinite time is `null` in JSON. */
  readonly graceMs: number;
}

/** The key of a request to whoever holds by an entry. */
export function revocationKey(namespace: string, lease: bigint, token: bigint): Uint8Array {
  return bytesOf(`${sessionKey(namespace, lease)}/revoke/${token}`);
}

/** All requests to one session; `key` is the session's own, and within the range. */
export function ownRange(key: Uint8Array): WholeRange {
  // "0" comes right after "/".
  return { key, rangeEnd: bytesOf(`${textOf(key)}0`) };
}

/** What a request says. */
export function revocationValue({ by, reason, graceMs }: Omit<Revocation, "token">): Uint8Array {
  return bytesOf(JSON.stringify({ by, reason, graceMs }));
}

/** Reads a request; nothing if it is none. Whoever may write there may revoke, so it is trusted. */
export function revocationOf({ key, value }: KeyValue): Revocation | undefined {
  const token = /\/revoke\/([1-9]\d*)$/.exec(textOf(key))?.[1];
  if (token === undefined) return undefined;
  const { by, reason, graceMs } = jsonMembers(value);
  return {
    token: BigInt(token),
    by: typeof by === "string" ? by : "somebody",
    reason: typeof reason === "string" ? reason : "no reason given",
    graceMs: graceOf(graceMs),
  };
}

function graceOf(graceMs: unknown): number {
  if (graceMs === null) return Number.POSITIVE_INFINITY;
  return typeof graceMs === "number" && graceMs >= 0 ? graceMs : 0;
}

/** The same, as the cause of the loss. */
export function causeOf({ by, reason }: Revocation): RevokedError {
  return new RevokedError(by, reason);
}
