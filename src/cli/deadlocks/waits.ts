import type { Entry } from "../../core/entry.ts";
import type { NamedQueue } from "../../core/list.ts";
import { holdersAmong } from "../../core/rule.ts";
import { cyclesOf } from "./cycles.ts";

/** A session waits for a lock that another one holds. */
export interface Wait {
  /** The name of the lock. */
  readonly name: string;
  readonly waiter: Entry;
  readonly holder: Entry;
}

/** Who waits for whom, and who waits for each other. */
export interface Deadlocks {
  readonly waits: readonly Wait[];
  /** Each a round of waits, in which the holder of one is the waiter of the next. */
  readonly cycles: readonly (readonly Wait[])[];
}

/**
 * Finds sessions that wait for each other: each holds what the next one waits for. Who is known by
 * nothing but a key stands for itself.
 *
 * Only those count who could not go on if all others did that can. So a cycle in which somebody
 * gets a permit of a semaphore from elsewhere is none.
 */
export function deadlocksAmong(queues: readonly NamedQueue[]): Deadlocks {
  const contested = queues.map(splitUp).filter(({ waiters }) => waiters.length > 0);
  const waits = contested.flatMap(waitsIn);
  const stuck = stuckAmong(contested);
  const graph = new Map<string, Map<string, Wait>>();
  for (const wait of waits) {
    const [from, to] = [partyOf(wait.waiter), partyOf(wait.holder)];
    if (!stuck.has(from) || !stuck.has(to)) continue;
    const known = graph.get(from) ?? new Map<string, Wait>();
    graph.set(from, known);
    if (!known.has(to)) known.set(to, wait);
  }
  const parties = new Map([...graph].map(([from, to]) => [from, new Set(to.keys())]));
  const cycles = cyclesOf(parties).map((cycle) =>
    cycle.map((from, index) => {
      const to = cycle[(index + 1) % cycle.length] ?? "";
      return graph.get(from)?.get(to) as Wait;
    }),
  );
  return { waits, cycles };
}

/** Who stands in an entry: the session that has its lease. */
export function partyOf({ kv, key }: Entry): string {
  return kv.lease === 0n ? key : kv.lease.toString(16);
}

interface Contested {
  readonly name: string;
  readonly holders: readonly Entry[];
  readonly waiters: readonly Entry[];
}

function splitUp({ name, entries }: NamedQueue): Contested {
  const count = holdersAmong(entries);
  return { name, holders: entries.slice(0, count), waiters: entries.slice(count) };
}

/** Each session counts once, however often it waits there; nobody waits for itself. */
function waitsIn({ name, holders, waiters }: Contested): readonly Wait[] {
  const waits = new Map<string, Wait>();
  for (const waiter of waiters) {
    for (const holder of holders) {
      const [from, to] = [partyOf(waiter), partyOf(holder)];
      const known = `${from} ${to}`;
      if (from !== to && !waits.has(known)) waits.set(known, { name, waiter, holder });
    }
  }
  return [...waits.values()];
}

/** Those that are left when all who wait for nobody have gone, and then all who waited for those, and so on. */
function stuckAmong(contested: readonly Contested[]): ReadonlySet<string> {
  const stuck = new Set(contested.flatMap(({ waiters }) => waiters.map(partyOf)));
  for (let before = -1; before !== stuck.size; ) {
    before = stuck.size;
    const blocked = new Set<string>();
    for (const { holders, waiters } of contested) {
      const staying = holders.filter((holder) => stuck.has(partyOf(holder)));
      for (const waiter of waiters) {
        const party = partyOf(waiter);
        const ahead = staying.filter((holder) => partyOf(holder) !== party);
        if (holdersAmong([...ahead, waiter]) <= ahead.length) blocked.add(party);
      }
    }
    for (const party of stuck) {
      if (!blocked.has(party)) stuck.delete(party);
    }
  }
  return stuck;
}
