import { isHolding, type Request } from "../../src/testkit/history/request.ts";
import { story } from "../../src/testkit/history/story.ts";
import { disturbances, isTouched } from "./disturbed.ts";
import { idOf, type RunRecord } from "./run-record.ts";
import { staleTakingOf, type Taking, takingOf } from "./taken-away.ts";

/** A holder whose entry had gone while it believed. */
export interface LateBelief {
  readonly request: Request;
  readonly by: Taking["by"] | "nobody";
  /** For how long it went on to believe after everybody could see that. */
  readonly lateMs: number;
  /** Whether something else was wrong at that time with it, or with the cluster. */
  readonly isDisturbed: boolean;
}

/** What is found when what clients said is laid beside what etcd had. */
export interface Beliefs {
  /** The requests as they count where holders must not overlap. */
  readonly requests: readonly Request[];
  readonly late: readonly LateBelief[];
  /** Those whose hold was taken away, and how many of them by a leader that did not know better. */
  readonly taken: number;
  readonly lostToStaleLeader: readonly Request[];
}

/** Lays what clients said beside what etcd had. */
export function beliefsOf(requests: readonly Request[], record: RunRecord): Beliefs {
  const entries = new Map(record.entries.map((entry) => [idOf(entry), entry]));
  const late: LateBelief[] = [];
  const lostToStaleLeader: Request[] = [];
  let taken = 0;
  const counting: Request[] = [];
  for (const request of requests) {
    const entry = isHolding(request) ? entries.get(idOf(request)) : undefined;
    if (!entry) {
      counting.push(request);
      continue;
    }
    const lateMs = request.until - entry.seenRemovedAt;
    const taking = takingOf(entry, record) ?? staleTakingOf(request, entry, record);
    if (taking) taken++;
    if (taking?.by === "stale leader") lostToStaleLeader.push(request);
    if (lateMs > 0) {
      const span = { from: entry.seenRemovedAt, until: request.until };
      const isDisturbed = isTouched(disturbances(record, request.who), span);
      late.push({ request, by: taking?.by ?? "nobody", lateMs, isDisturbed });
    }
    const counted = untilTaken(request, taking);
    if (counted) counting.push(counted);
  }
  return { requests: counting, late, taken, lostToStaleLeader };
}

/**
 * A request as it counts where holders must not overlap: of one whose entry was taken away by force
 * nobody can know in time, so it counts until then. Nothing, if it got in only when that had happened.
 */
function untilTaken(request: Request, taking: Taking | undefined): Request | undefined {
  if (!taking) return request;
  if ((request.gotAt ?? 0) >= taking.since) return undefined;
  return { ...request, until: Math.min(request.until, taking.since) };
}

/** Nobody believes after its entry has gone, unless somebody took that away by force. */
export function beliefsEndFirst({ late }: Beliefs): string | undefined {
  const worst = late.filter(({ by }) => by === "nobody");
  if (worst.length === 0) return undefined;
  return story(
    "Somebody believed when its entry had gone",
    worst.map(({ request }) => request),
  );
}
