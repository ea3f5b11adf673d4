import { primitives } from "../support/history/primitives.mjs";
import type { Judgement } from "./judge.ts";
import type { RunRecord } from "./run-record.ts";
import { type TakeOver, takeOvers } from "./take-overs.ts";

/** What is to be had of many measurements, in milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What was measured, and what it should be at most, if anything is said of it. */
export interface Figure {
  readonly what: string;
  readonly value: string;
  readonly goal?: string;
  /** Whether it was reached. Not to reach it is no violation: the machine may be busy. */
  readonly isReached?: boolean;
}

/** The numbers of a run. */
export interface Figures {
  readonly figures: readonly Figure[];
  readonly byPrimitive: readonly { readonly name: string; readonly holds: number }[];
  readonly losses: readonly { readonly why: string; readonly count: number }[];
  readonly takeOvers: readonly TakeOver[];
}

/** Counts and measures. */
export function figuresOf(record: RunRecord, judgement: Judgement): Figures {
  const { requests, beliefs, waits } = judgement;
  const holds = requests.filter(({ gotAt }) => gotAt !== undefined);
  const handOvers = spreadOf(
    waits.filter(({ isHandOver }) => isHandOver).map(({ freeAt, endAt }) => endAt - freeAt),
  );
  const takings = takeOvers(requests, waits, record);
  const overMs = takings.map(({ tookMs, goalMs }) => tookMs - goalMs);
  const backMs = record.elections.flatMap(({ wasKilled, electedAt }) =>
    wasKilled ? backAfter(record, electedAt) : [],
  );
  const toldLateMs = beliefs.late
    .filter(({ by, isDisturbed }) => by === "administrator" && !isDisturbed)
    .map(({ lateMs }) => lateMs);
  const refused = record.ledger.events.filter(({ kind }) => kind === "refused").length;
  const elections = spreadOf(
    record.elections.map(({ killedAt, electedAt }) => electedAt - killedAt),
  );
  const figures: readonly Figure[] = [
    { what: "requests", value: String(requests.length) },
    { what: "holds", value: String(holds.length) },
    { what: "tokens", value: String(new Set(holds.map(({ token }) => token)).size) },
    { what: "guarded writes in etcd", value: String(record.writes.length) },
    {
      what: "additions to the ledger",
      value: `${record.added.length}, ${refused} stale requests refused`,
    },
    { what: "hand-over from one to the next", value: told(handOvers) },
    { what: "until a new leader after the old one's death or stop", value: told(elections) },
    goal("operations back after that, if it died", backMs, 500),
    {
      ...goal(
        "take-over from a killed holder, beyond its TTL + 0.6 s (+ 3 s, if the leader died too)",
        overMs,
        0,
      ),
      ...(takings.length === 0
        ? {}
        : {
            value: takings
              .map(({ tookMs, goalMs }) => `${seconds(tookMs)} of ${seconds(goalMs)}`)
              .join(", "),
          }),
    },
    { what: "holds taken away by force", value: String(beliefs.taken) },
    goal("believed after that", toldLateMs, 50),
    {
      what: "live holds lost to a resuming leader",
      value: String(beliefs.lostToStaleLeader.length),
      goal: "0",
      isReached: beliefs.lostToStaleLeader.length === 0,
    },
    { what: "this process stood still for at most", value: `${record.ownLagMs.toFixed(0)} ms` },
  ];
  return { figures, byPrimitive: holdsOf(holds), losses: lossesOf(requests), takeOvers: takings };
}

/** How long after a moment each prober had its next success. */
function backAfter({ probes }: RunRecord, at: number): readonly number[] {
  const by = [...new Set(probes.map((probe) => probe.by))];
  return by.flatMap((prober) => {
    const first = probes.find((probe) => probe.by === prober && probe.endedAt >= at);
    return first ? [first.endedAt - at] : [];
  });
}

function goal(what: string, measured: readonly number[], atMostMs: number): Figure {
  const spread = spreadOf(measured);
  if (spread.count === 0) return { what, value: "not seen", goal: `≤ ${atMostMs} ms` };
  return { what, value: told(spread), goal: `≤ ${atMostMs} ms`, isReached: spread.max <= atMostMs };
}

function holdsOf(holds: readonly { readonly name: string }[]): Figures["byPrimitive"] {
  const names = [...Object.keys(primitives), "linger", "ledger"];
  return names.map((name) => ({
    name,
    holds: holds.filter((hold) => hold.name.startsWith(name)).length,
  }));
}

function lossesOf(requests: Judgement["requests"]): Figures["losses"] {
  const counts = new Map<string, number>();
  for (const { end, why = "not told" } of requests) {
    if (end === "lost") counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return [...counts].map(([why, count]) => ({ why, count })).toSorted((a, b) => b.count - a.count);
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.map((value) => Math.max(0, value)).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

function told({ count, p50, p99, max }: Spread): string {
  if (count === 0) return "not seen";
  const rounded = [p50, p99, max].map((value) =>
    value < 10 ? value.toFixed(1) : value.toFixed(0),
  );
  return `p50 ${rounded[0]} ms, p99 ${rounded[1]} ms, at worst ${rounded[2]} ms (${count} times)`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
