import type { Holder } from "../errors.ts";
import type { KeyValue } from "../etcd/api.ts";
import { bytesOf, textOf } from "./keys.ts";

/** Who asks, as the client that asks knows it. */
export interface Identity {
  readonly nodeId: string;
  readonly host: string;
  readonly pid: number;
}

/** The value of an entry: who stands here, since when, and what for. Only people read it. */
export function entryValue(
  { nodeId, host, pid }: Identity,
  since: number,
  reason?: string | undefined,
): Uint8Array {
  return bytesOf(
    JSON.stringify({ nodeId, host, pid, since: new Date(since).toISOString(), reason }),
  );
}

/** Who stands in an entry. Anybody may write one, so nothing is taken for granted. */
export function holderOf(entry: KeyValue): Holder {
  const { nodeId, host, pid, since, reason } = parseObject(textOf(entry.value));
  return {
    key: textOf(entry.key),
    fencingToken: entry.createRevision,
    expires: entry.lease !== 0n,
    nodeId: stringOrNot(nodeId),
    host: stringOrNot(host),
    pid: typeof pid === "number" ? pid : undefined,
    since: stringOrNot(since),
    reason: stringOrNot(reason),
  };
}

function parseObject(
  text: string,
): Record<"nodeId" | "host" | "pid" | "since" | "reason", unknown> {
  const nothing = { nodeId: undefined, host: undefined, pid: undefined, since: undefined };
  try {
    return { ...nothing, reason: undefined, ...JSON.parse(text) };
  } catch {
    // A foreign entry: Go's and etcdctl's are empty.
    return { ...nothing, reason: undefined };
  }
}

function stringOrNot(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
