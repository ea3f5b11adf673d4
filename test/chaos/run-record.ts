import type { HistoryEvent } from "../../src/testkit/history/event.ts";
import type { Entry, Write } from "../../src/testkit/history/server-side.ts";
import type { PartyEntry } from "../support/history/barrier-rounds.ts";
import type { Deed } from "./deed.ts";
import type { LedgerEvent } from "./ledger.ts";
import type { NodeState } from "./monitor.ts";
import type { Election } from "./nemesis.ts";
import type { Seen } from "./onlooker.ts";
import type { Probe } from "./prober.ts";

/** All that is known of a run. All moments are in milliseconds of one clock. */
export interface RunRecord {
  readonly seed: number;
  readonly etcd: string;
  readonly clients: number;
  /** When the first fault could come, and when the last one had healed and the clients were to end. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly history: readonly HistoryEvent[];
  /** What clients were told to have added to the ledger. */
  readonly added: readonly string[];
  readonly entries: readonly Entry[];
  readonly partyEntries: readonly PartyEntry[];
  readonly writes: readonly Write[];
  /** What else was seen of entries, by their names and tokens. */
  readonly seen: ReadonlyMap<string, Seen>;
  readonly ledger: { readonly events: readonly LedgerEvent[]; readonly items: readonly string[] };
  readonly deeds: readonly Deed[];
  readonly elections: readonly Election[];
  readonly probes: readonly Probe[];
  readonly states: readonly NodeState[];
  /** The TTL of a client, by who it is. */
  readonly ttlOf: (who: string) => number;
  /** What was in etcd when all had to be gone. */
  readonly leftovers: readonly string[];
  /** Clients that came to another end than they should. */
  readonly badEnds: readonly string[];
  /** The longest that this process itself did not run: what it saw may be so much late. */
  readonly ownLagMs: number;
}

/** An entry by its name and token. */
export function idOf({ name, token }: { readonly name: string; readonly token: bigint }): string {
  return `${name} ${token}`;
}
