import type { HistoryEvent } from "../../../src/testkit/history/event.ts";
import { exclusion } from "../../../src/testkit/history/exclusion.ts";
import { fencedWrites } from "../../../src/testkit/history/fenced-writes.ts";
import { firstComeFirstServed } from "../../../src/testkit/history/first-come-first-served.ts";
import { noLostWakeUp } from "../../../src/testkit/history/no-lost-wake-up.ts";
import { nothingLeft } from "../../../src/testkit/history/nothing-left.ts";
import { permits } from "../../../src/testkit/history/permits.ts";
import { readersAndWriters } from "../../../src/testkit/history/readers-and-writers.ts";
import type { Bounds } from "../../../src/testkit/history/recorded.ts";
import { requestsOf } from "../../../src/testkit/history/request.ts";
import { risingTokens } from "../../../src/testkit/history/rising-tokens.ts";
import type { Entry, Write } from "../../../src/testkit/history/server-side.ts";
import { toldBeforeExpiry } from "../../../src/testkit/history/told-before-expiry.ts";
import { allOrNothing } from "./all-or-nothing.ts";
import { askingOrder } from "./asking-order.ts";
import { barrierRounds, type PartyEntry } from "./barrier-rounds.ts";
import { lingering } from "./lingering.ts";
import { oncePerTick } from "./once-per-tick.ts";
import { openLatches } from "./open-latches.ts";
import { together } from "./together.ts";
import { tokensFromEtcd } from "./tokens-from-etcd.ts";
import { writesInTurn } from "./writes-in-turn.ts";

/** All that is known of a time in which many asked for locks. */
export interface Chronicle {
  /** What the clients said. */
  readonly history: readonly HistoryEvent[];
  /** What etcd had in its queues. */
  readonly entries: readonly Entry[];
  /** What etcd had of those who came to barriers. */
  readonly partyEntries: readonly PartyEntry[];
  /** What was written to what the locks protect. */
  readonly writes: readonly Write[];
  /** What was in etcd at the end. */
  readonly leftovers: readonly string[];
  /** Whether entries were taken away by force, one of several too. */
  readonly isForced?: boolean;
  /** For how long others are kept out after a hold that lingers; for ever, if it is left out. */
  readonly lingerMs?: number | undefined;
  /** How many permits there are; of use for semaphores only. */
  readonly capacity: number;
  /** And how long etcd may count one that is not there any more. */
  readonly bounds: Bounds & { readonly lingerMs: number };
}

/** Every promise that was broken, each told as a story. */
export function violations(chronicle: Chronicle): readonly string[] {
  const { history, entries, partyEntries, writes, leftovers, capacity, bounds } = chronicle;
  const requests = requestsOf(history);
  // Keys are taken away by force from those that linger, one of several too, and they believe for a
  // moment.
  const undisturbed = requests.filter(({ lingers }) => !lingers);
  const isForced = chronicle.isForced ?? undisturbed.length < requests.length;
  const untouched = isForced ? [] : entries;
  const capacityOf = (): number => capacity;
  return [
    exclusion({ requests }),
    readersAndWriters({ requests }),
    permits({ requests, capacityOf }),
    firstComeFirstServed({ requests, capacityOf }),
    askingOrder(requests),
    risingTokens({ requests, capacityOf }),
    noLostWakeUp({ requests, events: history, bounds }),
    allOrNothing(requests, untouched),
    tokensFromEtcd(requests, entries),
    toldBeforeExpiry({ requests: undisturbed, entries }),
    writesInTurn(writes, entries, capacity),
    fencedWrites({ writes, capacityOf }),
    together(history, bounds),
    barrierRounds(partyEntries, history),
    openLatches(history, bounds),
    oncePerTick(requests, isForced),
    lingering(requests, capacity, chronicle.lingerMs),
    nothingLeft({ leftovers }),
  ].filter((violation) => violation !== undefined);
}
