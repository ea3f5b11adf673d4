import { holderOf, shownAs } from "../../core/entry.ts";
import type { NamedQueue } from "../../core/list.ts";
import type { Mode } from "../../core/mode.ts";
import { holdersAmong } from "../../core/rule.ts";
import type { Holder } from "../../errors.ts";
import { ageOf, factsOf, whoOf } from "./facts.ts";
import type { Item } from "./listing.ts";
import type { Column } from "./table.ts";
import { visible } from "./visible.ts";

/** A lock that is held, as `microlock ls` shows it. */
export interface Held {
  readonly name: string;
  readonly mode: Mode["kind"];
  /** Oldest first; there is one. */
  readonly holders: readonly [Holder, ...Holder[]];
  readonly waiters: number;
}

/** What to show of a queue; nothing if nobody stands there. */
export function heldOf({ name, entries }: NamedQueue): Held | undefined {
  const count = holdersAmong(entries);
  const [first, ...others] = entries.slice(0, count);
  if (!first) return undefined;
  return {
    name,
    mode: shownAs(first),
    holders: [holderOf(first), ...others.map(holderOf)],
    waiters: entries.length - count,
  };
}

export const heldColumns: readonly Column[] = [
  { title: "NAME", atLeast: 12 },
  { title: "HOLDER", atLeast: 12 },
  { title: "MODE", dispensable: 3 },
  { title: "TOKEN", align: "right", dispensable: 2 },
  { title: "AGE", align: "right", dispensable: 0 },
  { title: "WAIT", align: "right", dispensable: 1 },
  { title: "REASON", atLeast: 8, dispensable: 4 },
];

/** A lock in a table, and in a line for programs. */
export function itemOf({ name, mode, holders, waiters }: Held, now: number): Item {
  const [first, ...others] = holders;
  const { nodeId, fencingToken, since, reason, expires } = first;
  const who = others.length > 0 ? `${whoOf(first)} +${others.length}` : whoOf(first);
  return {
    cells: [
      { text: visible(name), tone: "strong" },
      { text: who, tone: !expires ? "bad" : nodeId ? undefined : "faint" },
      { text: mode === "exclusive" ? "" : mode },
      { text: String(fencingToken), tone: "faint" },
      { text: ageOf(since, now) ?? "" },
      { text: waiters === 0 ? "" : String(waiters), tone: "busy" },
      {
        text: expires ? visible(reason ?? "") : "no lease: never expires",
        tone: expires ? "faint" : "bad",
      },
    ],
    fields: [name, mode, holders.length, waiters, fencingToken, since, nodeId || first.key, reason],
  };
}

/** A lock in JSON. */
export function factsOfHeld({ name, mode, holders, waiters }: Held): object {
  return { name, mode, holders: holders.map(factsOf), waiters };
}
