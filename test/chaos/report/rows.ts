import { isHolding, type Request } from "../../../src/testkit/history/request.ts";
import { type Deed, isOnCluster } from "../deed.ts";
import type { Judgement } from "../judge.ts";
import type { RunRecord } from "../run-record.ts";
import type { Bar, Row } from "./svg.ts";

const thin = 12;
const thick = 20;

/** All that is worth seeing of a run, from the cluster down to what its clients did. */
export function rowsOf(record: RunRecord, { requests, beliefs }: Judgement): readonly Row[] {
  const { deeds, clients } = record;
  const nodes = Math.max(0, ...record.states.map(({ node }) => node + 1));
  return [
    { title: "to the cluster", height: thick, bars: deeds.filter(isOnCluster).map(deedBar) },
    ...Array.from({ length: nodes }, (_, node) => nodeRow(record, node)),
    { title: "it works", height: thin, bars: probeBars(record) },
    {
      title: "by administrators",
      height: thin,
      bars: deeds.filter((deed) => !isOnCluster(deed) && !isOnClient(deed)).map(deedBar),
    },
    ...Array.from({ length: clients }, (_, client) => clientRow(client, requests, record)),
    { title: "written to the ledger", height: thin, bars: ledgerBars(record) },
    {
      title: "believed too long",
      height: thin,
      bars: beliefs.late.map(({ request, by, lateMs }) => ({
        ...{ from: request.until - lateMs, until: request.until, look: "bad" },
        tells: `${request.who} believed to hold ${request.name} for ${lateMs.toFixed(0)} ms after ${by} took it away`,
      })),
    },
  ];
}

function isOnClient({ target }: Deed): boolean {
  return target.startsWith("client ");
}

function deedBar({ from, until, story, target, failure }: Deed): Bar {
  const outcome = failure === undefined ? "" : ` (${failure})`;
  return { from, until, look: "fault", tells: `${story}: ${target}${outcome}` };
}

const looks = {
  leads: "leads",
  follows: "follows",
  "has no leader": "leaderless",
  "is silent": "silent",
};

function nodeRow({ states, endedAt }: RunRecord, node: number): Row {
  const own = states.filter((each) => each.node === node);
  const bars = own.map(({ at, state }, index) => ({
    ...{ from: at, until: own[index + 1]?.at ?? endedAt, look: looks[state] },
    tells: `node ${node + 1} ${state}`,
  }));
  return { title: `node ${node + 1}`, height: thin, bars };
}

// Between two successes of a prober are its pause and two round trips. More is worth a gap.
const longestGapMs = 250;

/** The time in which locks could be taken and released. */
function probeBars({ probes }: RunRecord): readonly Bar[] {
  const bars: { from: number; until: number }[] = [];
  for (const { startedAt, endedAt } of probes.toSorted((a, b) => a.endedAt - b.endedAt)) {
    const last = bars.at(-1);
    if (last && endedAt - last.until < longestGapMs) last.until = endedAt;
    else bars.push({ from: startedAt, until: endedAt });
  }
  return bars.map((bar) => ({ ...bar, look: "works", tells: "locks are taken and released" }));
}

function clientRow(client: number, requests: readonly Request[], record: RunRecord): Row {
  const own = requests.filter(({ who }) => Number.parseInt(who, 10) === client + 1);
  const holds = own.filter(isHolding).map(({ gotAt, until, who, name, token }) => ({
    ...{ from: gotAt, until, look: "holds" },
    tells: `${who} held ${name} with token ${token}`,
  }));
  const losses = own
    .filter(({ end }) => end === "lost")
    .map(({ until, stoppedAt = until, who, name, why }) => ({
      ...{ from: stoppedAt, until: stoppedAt, look: "lost" },
      tells: `${who} was told that it had lost ${name}: ${why}`,
    }));
  const done = record.deeds.filter(({ target }) => target === `client ${client + 1}`);
  return {
    title: `client ${client + 1}`,
    height: thick,
    bars: [...done.map(deedBar), ...holds, ...losses],
  };
}

function ledgerBars({ ledger }: RunRecord): readonly Bar[] {
  return ledger.events
    .filter(({ kind }) => kind !== "read")
    .map(({ at, who, kind, token }) => ({
      ...{ from: at, until: at, look: kind === "write" ? "works" : "refused" },
      tells: `${who} ${kind === "write" ? "wrote" : "was refused"} with token ${token}`,
    }));
}
