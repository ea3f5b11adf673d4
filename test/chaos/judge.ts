import { exclusion } from "../../src/testkit/history/exclusion.ts";
import { fencedWrites } from "../../src/testkit/history/fenced-writes.ts";
import { firstComeFirstServed } from "../../src/testkit/history/first-come-first-served.ts";
import { grouped } from "../../src/testkit/history/grouped.ts";
import { nothingLeft } from "../../src/testkit/history/nothing-left.ts";
import { permits } from "../../src/testkit/history/permits.ts";
import { readersAndWriters } from "../../src/testkit/history/readers-and-writers.ts";
import { type Request, requestsOf } from "../../src/testkit/history/request.ts";
import { risingTokens } from "../../src/testkit/history/rising-tokens.ts";
import { story } from "../../src/testkit/history/story.ts";
import { allOrNothing } from "../support/history/all-or-nothing.ts";
import { askingOrder } from "../support/history/asking-order.ts";
import { barrierRounds } from "../support/history/barrier-rounds.ts";
import { lingering } from "../support/history/lingering.ts";
import { oncePerTick } from "../support/history/once-per-tick.ts";
import { openLatches } from "../support/history/open-latches.ts";
import { primitives } from "../support/history/primitives.mjs";
import { together } from "../support/history/together.ts";
import { tokensFromEtcd } from "../support/history/tokens-from-etcd.ts";
import { writesInTurn } from "../support/history/writes-in-turn.ts";
import { type Beliefs, beliefsEndFirst, beliefsOf } from "./beliefs.ts";
import { type EntryWait, entryWaits, nobodyWaitsInVain } from "./entry-waits.ts";
import { ledgerKeeps, ledgerTokensRise } from "./ledger-keeps.ts";
import { lingerMs } from "./program.ts";
import type { RunRecord } from "./run-record.ts";
import { takingOf } from "./taken-away.ts";

/** A promise, and how it was broken, if it was. */
export interface Verdict {
  readonly promise: string;
  readonly violation: string | undefined;
}

/** What is a violation, and what is not. */
export interface JudgeOptions {
  /** Whether no live hold may be lost when a leader resumes that was stopped. */
  readonly mustSurviveStaleLeader: boolean;
  /** By how much the machine may be late, in milliseconds. */
  readonly slackMs: number;
}

/** What was found in a run. */
export interface Judgement {
  readonly verdicts: readonly Verdict[];
  readonly requests: readonly Request[];
  readonly beliefs: Beliefs;
  readonly waits: readonly EntryWait[];
}

const { capacity } = primitives.semaphore;
const capacityOf = (): number => capacity;
// Faults last for less, and then etcd removes what has ended.
const longestLingerMs = 30_000;

/** Lays all that happened beside all that is promised. */
export function judge(record: RunRecord, options: JudgeOptions): Judgement {
  const { history, entries, partyEntries, writes, leftovers, badEnds } = record;
  const all = requestsOf(history);
  const beliefs = beliefsOf(all, record);
  const { requests } = beliefs;
  const waits = entryWaits(all, record);
  const bounds = { wakeMs: longestLingerMs, lingerMs: longestLingerMs };
  const verdicts = {
    "no two hold what only one may": exclusion({ requests }),
    "writers hold alone, readers together": readersAndWriters({ requests }),
    "no more permits are out than there are": permits({ requests, capacityOf }),
    "first come, first served, by create revision": firstComeFirstServed({ requests, capacityOf }),
    "one process stands in the order in which it asked": askingOrder(requests),
    "tokens rise": risingTokens({ requests, capacityOf }),
    "tokens are those of etcd": tokensFromEtcd(all, entries),
    "several are had all or none": allOrNothing(all, wholeEntries(record)),
    "belief ends before the entry goes": beliefsEndFirst(beliefs),
    "whose hold is taken away is told": toldOfTaking(beliefs, options.slackMs),
    "guarded writes are the holder's": inTurn(record),
    "no token writes after a larger one": fencedWrites({ writes, capacityOf }),
    "the ledger takes no token after a larger one": ledgerTokensRise(record),
    "the ledger loses nothing": ledgerKeeps(record),
    "nobody waits with a free way before it": nobodyWaitsInVain(waits, record, options.slackMs),
    "barriers are entered and left together": together(history, bounds),
    "barriers go in rounds": barrierRounds(partyEntries, history),
    "latches open when they are counted down": openLatches(history, bounds),
    "once per tick": oncePerTick(requests),
    "nobody gets in beside work that goes on": lingering(requests, capacity, lingerMs),
    "nothing is left behind": nothingLeft({ leftovers }),
    "all come to a good end": badEnds.length > 0 ? badEnds.join("\n") : undefined,
    ...(options.mustSurviveStaleLeader
      ? { "no live hold is lost to a resuming leader": lostToStaleLeader(beliefs) }
      : {}),
  };
  return {
    verdicts: Object.entries(verdicts).map(([promise, violation]) => ({ promise, violation })),
    ...{ requests: all, beliefs, waits },
  };
}

/** Entries of which none was taken away by force: such a one leaves those it came with. */
function wholeEntries(record: RunRecord) {
  const groups = grouped(record.entries, ({ who, names, token }) => `${who} ${names} ${token}`);
  return [...groups.values()]
    .filter((group) => !group.some((entry) => takingOf(entry, record)))
    .flat();
}

function inTurn({ writes, entries }: RunRecord): string | undefined {
  const queues = grouped(entries, ({ name }) => name);
  for (const [name, written] of grouped(writes, ({ name }) => name)) {
    const wrong = writesInTurn(written, queues.get(name) ?? [], capacity);
    if (wrong) return wrong;
  }
  return undefined;
}

function toldOfTaking({ late }: Beliefs, slackMs: number): string | undefined {
  const worst = late.filter(
    ({ by, lateMs, isDisturbed }) =>
      by === "administrator" && !isDisturbed && lateMs > 50 + slackMs,
  );
  if (worst.length === 0) return undefined;
  return story(
    "Somebody was told too late that its hold was taken away",
    worst.map(({ request }) => request),
  );
}

function lostToStaleLeader({ lostToStaleLeader: lost }: Beliefs): string | undefined {
  return lost.length > 0 ? story("A leader that resumed took live holds", lost) : undefined;
}
