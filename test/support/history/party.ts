import {
  type HistoryEvent,
  type PartyEvent,
  processOf,
} from "../../../src/testkit/history/event.ts";
import { ms } from "../../../src/testkit/history/story.ts";

/** One time that somebody came to a barrier. */
export interface Party {
  readonly who: string;
  readonly name: string;
  /** How many have to come. */
  readonly parties: number;
  readonly cameAt: number;
  /** When it was told that it is in. */
  readonly enteredAt: number | undefined;
  /** When it said that it wants out. */
  readonly wantedOutAt: number | undefined;
  /** Until when it was there: infinity if that never ended. */
  readonly until: number;
  readonly end: "is out" | "quits" | "is lost" | "died" | undefined;
}

type Draft = { -readonly [Key in keyof Party]: Party[Key] };

/** Gathers what belongs together, in the order in which they came. */
export function partiesOf(history: readonly HistoryEvent[]): readonly Party[] {
  const all: Draft[] = [];
  const open = new Map<string, Draft>();
  const dead = new Set<string>();
  for (const event of history.toSorted((a, b) => a.at - b.at)) {
    if (dead.has(processOf(event.who))) continue;
    if (event.kind === "died") {
      dead.add(event.who);
      for (const [who, draft] of open) {
        if (processOf(who) !== event.who) continue;
        Object.assign(draft, { until: event.at, end: "died" });
        open.delete(who);
      }
    } else if ("parties" in event) {
      follow(event, open, all);
    }
  }
  return all;
}

function follow(event: PartyEvent, open: Map<string, Draft>, all: Draft[]): void {
  const { at, who, name, parties, kind } = event;
  const draft = open.get(who);
  if (kind === "comes") {
    const nothingYet = { enteredAt: undefined, wantedOutAt: undefined, end: undefined };
    const until = Number.POSITIVE_INFINITY;
    const came = { who, name, parties, cameAt: at, until, ...nothingYet };
    all.push(came);
    open.set(who, came);
    return;
  }
  if (!draft) throw new Error(`This can't have happened next: ${JSON.stringify(event)}`);
  if (kind === "enters") draft.enteredAt = at;
  else if (kind === "wants out") draft.wantedOutAt = at;
  else {
    Object.assign(draft, { until: at, end: kind });
    open.delete(who);
  }
}

/** Says what is wrong, and what became of each party that has to do with it. */
export function partyStory(wrong: string, parties: readonly Party[]): string {
  return [`${wrong}:`, ...parties.map((party) => `  ${told(party)}`)].join("\n");
}

function told({ who, name, cameAt, enteredAt, wantedOutAt, until, end }: Party): string {
  const parts = [`${who} came to ${name} at ${ms(cameAt)}`];
  if (enteredAt !== undefined) parts.push(`got in at ${ms(enteredAt)}`);
  if (wantedOutAt !== undefined) parts.push(`wanted out at ${ms(wantedOutAt)}`);
  parts.push(end ? `${end} at ${ms(until)}` : "is there to this day");
  return parts.join(", ");
}
