import { type Entry, holderOf } from "../../core/entry.ts";
import { ageOf, factsOf, whoOf } from "../show/facts.ts";
import type { Item } from "../show/listing.ts";
import type { Column } from "../show/table.ts";
import { visible } from "../show/visible.ts";
import { type Deadlocks, partyOf, type Wait } from "./waits.ts";

export const waitColumns: readonly Column[] = [
  { title: "CYCLE" },
  { title: "WHO", atLeast: 10 },
  { title: "WAITS FOR", atLeast: 10 },
  { title: "SINCE", align: "right", dispensable: 1 },
  { title: "HELD BY", atLeast: 10 },
];

/** All waits, those of cycles first, in the order in which they go round. */
export function itemsOf({ waits, cycles }: Deadlocks, now: number): readonly Item[] {
  const inCycles = new Set(cycles.flat());
  return [
    ...cycles.flatMap((cycle, index) => cycle.map((wait) => itemOf(wait, index + 1, now))),
    ...waits.filter((wait) => !inCycles.has(wait)).map((wait) => itemOf(wait, undefined, now)),
  ];
}

function itemOf({ name, waiter, holder }: Wait, cycle: number | undefined, now: number): Item {
  const [from, to] = [holderOf(waiter), holderOf(holder)];
  return {
    cells: [
      { text: String(cycle ?? ""), tone: "bad" },
      { text: whoOf(from), tone: cycle ? "bad" : undefined },
      { text: visible(name), tone: "strong" },
      { text: ageOf(from.since, now) ?? "" },
      { text: whoOf(to) },
    ],
    fields: [cycle, from.nodeId || from.key, name, from.since, to.nodeId || to.key],
  };
}

/** The same in JSON. */
export function factsOfDeadlocks({ waits, cycles }: Deadlocks): object {
  return {
    waits: waits.map(factsOfWait),
    cycles: cycles.map((cycle) => cycle.map(factsOfWait)),
  };
}

function factsOfWait({ name, waiter, holder }: Wait): object {
  return { name, waiter: factsOfParty(waiter), holder: factsOfParty(holder) };
}

function factsOfParty(entry: Entry): object {
  return { session: partyOf(entry), ...factsOf(holderOf(entry)) };
}

/** The same for Graphviz. */
export function dotOf({ waits, cycles }: Deadlocks): string {
  const bad = new Set(cycles.flat());
  const quoted = (text: string): string => JSON.stringify(visible(text));
  const nodes = new Map(
    waits.flatMap(({ waiter, holder }) =>
      [waiter, holder].map((entry) => [partyOf(entry), whoOf(holderOf(entry))] as const),
    ),
  );
  return [
    "digraph waits {",
    ...[...nodes].map(([id, who]) => `  ${quoted(id)} [label=${quoted(who)}];`),
    ...waits.map((wait) => {
      const colour = bad.has(wait) ? ", color=red" : "";
      const ends = `${quoted(partyOf(wait.waiter))} -> ${quoted(partyOf(wait.holder))}`;
      return `  ${ends} [label=${quoted(wait.name)}${colour}];`;
    }),
    "}\n",
  ].join("\n");
}
