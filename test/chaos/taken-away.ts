import type { Entry } from "../../src/testkit/history/server-side.ts";
import type { Deed } from "./deed.ts";
import { idOf, type RunRecord } from "./run-record.ts";

/** Why an entry went though its owner had not let go, and since when that is no surprise. */
export interface Taking {
  readonly by: "administrator" | "stale leader";
  readonly since: number;
}

// Within so much of its going on a leader that was stopped has removed what it means to (130 ms,
// measured); it is seen when the onlooker's own node has caught up.
const staleMs = 3_000;

/** Who took an entry away by force; nobody, as far as is known, if it went in good order or expired. */
export function takingOf(entry: Entry, { deeds, seen }: RunRecord): Taking | undefined {
  const { removedAt, seenRemovedAt } = entry;
  if (removedAt === undefined) return undefined;
  const id = idOf(entry);
  const lease = seen.get(id)?.lease;
  const deed = deeds.find(
    (each) =>
      each.revision === removedAt ||
      (each.from <= seenRemovedAt &&
        (each.victim === id || (each.lease !== undefined && each.lease === lease))),
  );
  return deed && { by: "administrator", since: deed.from };
}

/** Whether a leader that did not know better may have removed it, and since when. */
export function staleTakingOf(
  { seenRemovedAt }: Entry,
  deeds: readonly Deed[],
): Taking | undefined {
  const resumed = deeds.find(
    ({ kind, from, until }) =>
      ["stop node", "slow disk", "cut node"].includes(kind) &&
      from <= seenRemovedAt &&
      seenRemovedAt <= until + staleMs,
  );
  return resumed && { by: "stale leader", since: Math.min(resumed.until, seenRemovedAt) };
}
