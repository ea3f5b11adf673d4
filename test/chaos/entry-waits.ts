import { grouped } from "../../src/testkit/history/grouped.ts";
import { isHolding, type Request } from "../../src/testkit/history/request.ts";
import type { Entry } from "../../src/testkit/history/server-side.ts";
import { ms } from "../../src/testkit/history/story.ts";
import { disturbances, longestCalm } from "./disturbed.ts";
import { idOf, type RunRecord } from "./run-record.ts";

/** What became of an entry when nobody stood in its way any more. */
export interface EntryWait {
  readonly entry: Entry;
  /** Since when nobody stood in its way, as far as was seen. */
  readonly freeAt: number;
  /** When its owner got in, or it had gone. */
  readonly endAt: number;
  /** Whether its owner got in, and had to wait for others. */
  readonly isHandOver: boolean;
}

// Besides entries, companions of earlier ones stand in the way there, which nobody tells of here.
const hasCompanions = /^(linger|once)/;

/** Follows all entries, in all the queues that each of them stood in. */
export function entryWaits(
  requests: readonly Request[],
  { entries, seen, endedAt }: RunRecord,
): readonly EntryWait[] {
  const gotAt = new Map(
    requests.filter(isHolding).map((request) => [idOf(request), request.gotAt]),
  );
  const queues = grouped(entries, ({ name }) => name);
  const plain = entries.filter(({ name }) => !hasCompanions.test(name));
  return plain.map((entry): EntryWait => {
    const cameAt = seen.get(idOf(entry))?.at ?? endedAt;
    const inItsWay = entry.names.flatMap((name) =>
      (queues.get(name) ?? []).filter((other) => isInTheWay(other, entry)),
    );
    const goneAt = Math.max(cameAt, ...inItsWay.map(({ seenRemovedAt }) => seenRemovedAt));
    const got = gotAt.get(idOf(entry));
    return {
      entry,
      freeAt: goneAt,
      endAt: Math.min(got ?? entry.seenRemovedAt, entry.seenRemovedAt, endedAt),
      isHandOver: got !== undefined && goneAt > cameAt,
    };
  });
}

/** Whether it had to be waited for: of permits, more may have been out than there was room for. */
function isInTheWay(other: Entry, entry: Entry): boolean {
  return other.token < entry.token && !(other.mode === "read" && entry.mode === "read");
}

const electionMs = 1_000;
const graceMs = 2_000;

/** Nobody waits with a free way before it for longer than a TTL, an election and two seconds of calm. */
export function nobodyWaitsInVain(
  waits: readonly EntryWait[],
  record: RunRecord,
  slackMs: number,
): string | undefined {
  for (const { entry, freeAt, endAt } of waits) {
    const boundMs = record.ttlOf(entry.who) + electionMs + graceMs + slackMs;
    if (endAt - freeAt <= boundMs) continue;
    const calm = longestCalm(disturbances(record, entry.who), { from: freeAt, until: endAt });
    if (calm <= boundMs) continue;
    return `${entry.who} waited for ${entry.name} (${entry.mode}, token ${entry.token}) with a free way before it from ${ms(freeAt)} to ${ms(endAt)}, ${ms(calm)} of it in calm`;
  }
  return undefined;
}
