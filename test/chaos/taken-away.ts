import type { Request } from "../../src/testkit/history/request.ts";
import type { Entry } from "../../src/testkit/history/server-side.ts";
import { ownDisturbances } from "./disturbed.ts";
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
  const lease = seen.get(idOf(entry))?.lease;
  const deed = deeds.find(
    (each) =>
      each.revision === removedAt ||
      (each.from <= seenRemovedAt &&
        (each.victim === entry.token || (each.lease !== undefined && each.lease === lease))),
  );
  return deed && { by: "administrator", since: deed.from };
}

/**
 * Whether a leader that did not know better may have removed the entry of a request before its lease
 * ended, and since when.
 */
export function staleTakingOf(
  request: Request,
  entry: Entry,
  record: RunRecord,
): Taking | undefined {
  const { end, why, until } = request;
  const { seenRemovedAt } = entry;
  // It believed for longer than etcd did, or was told so, which it also is of a lease that expired.
  const wasToldSo = end === "lost" && why === "revoked";
  const wasEarly = until > seenRemovedAt || (wasToldSo && !mayHaveExpired(request, entry, record));
  if (!wasEarly) return undefined;
  const resumed = record.deeds.find(
    ({ kind, from, until }) =>
      ["stop node", "slow disk", "cut node"].includes(kind) &&
      from <= seenRemovedAt &&
      seenRemovedAt <= until + staleMs,
  );
  return resumed && { by: "stale leader", since: Math.min(resumed.until, seenRemovedAt) };
}

/**
 * Whether its client was kept from renewing for so long that the lease ended in good order: it renews
 * when a third of the TTL has gone.
 */
function mayHaveExpired({ who }: Request, { seenRemovedAt }: Entry, record: RunRecord): boolean {
  const ttlMs = record.ttlOf(who);
  return ownDisturbances(record, who).some(
    ({ from, until }) =>
      Math.min(until, seenRemovedAt) - from >= ttlMs / 2 && until >= seenRemovedAt - ttlMs / 2,
  );
}
