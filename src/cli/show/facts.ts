import type { Contender } from "../../core/inspect.ts";
import type { Holder } from "../../errors.ts";
import { sayMs } from "../duration.ts";
import { visible } from "./visible.ts";

/** What to call one who holds or waits. */
export function whoOf({ nodeId, key }: Pick<Holder, "nodeId" | "key">): string {
  return visible(nodeId || key);
}

/** How long ago something was, by what its clock and ours say; nothing if it is no time. */
export function ageOf(since: string | undefined, now: number): string | undefined {
  const at = Date.parse(since ?? "");
  return Number.isNaN(at) ? undefined : sayMs(Math.max(0, now - at));
}

/** What JSON says of one who holds or waits. */
export function factsOf({ fencingToken, key, expires, ...claims }: Holder): object {
  const { nodeId, host, pid, since, reason } = claims;
  return { nodeId, host, pid, since, reason, token: fencingToken, key, expires };
}

/** The same of what `inspect` finds. */
export function factsOfContender(contender: Contender): object {
  const { mode, permits, value, lease, ttlLeftMs, isForeign } = contender;
  const hex = lease === 0n ? undefined : lease.toString(16);
  return { mode, ...factsOf(contender), permits, value, lease: hex, ttlLeftMs, isForeign };
}

/** Fields of a line for programs: separated by tabs, `-` for nothing. */
export function fieldsOf(fields: readonly (string | number | bigint | undefined)[]): string {
  return `${fields.map((field) => visible(String(field ?? "")) || "-").join("\t")}\n`;
}
