import {
  type Entry,
  toldEntry,
  toldWrite,
  type Write,
} from "../../../src/testkit/history/server-side.ts";
import { fitTogether } from "../../../src/testkit/history/sharing.ts";

function asOf(entry: Entry, revision: bigint): Entry {
  const { sharesSince } = entry;
  return sharesSince !== undefined && sharesSince <= revision ? { ...entry, mode: "read" } : entry;
}

/**
 * Whoever writes has its turn, by etcd's own order: its entry stands in the queue, and all
 * that stand ahead of it could hold as well.
 */
export function writesInTurn(
  writes: readonly Write[],
  entries: readonly Entry[],
  capacity: number,
): string | undefined {
  for (const write of writes) {
    const { name, token, revision } = write;
    const upToIt = entries
      .filter(
        (entry) =>
          entry.name === name &&
          entry.token <= token &&
          (entry.removedAt === undefined || entry.removedAt > revision),
      )
      .map((entry) => asOf(entry, revision));
    const stands = upToIt.some((entry) => entry.token === token);
    if (stands && fitTogether(upToIt, capacity)) continue;
    return ["Somebody wrote out of turn:", toldWrite(write), ...upToIt.map(toldEntry)].join("\n");
  }
  return undefined;
}
