import type { HistoryEvent } from "../../../src/testkit/history/event.ts";
import { grouped } from "../../../src/testkit/history/grouped.ts";
import { type Party, partiesOf, partyStory } from "./party.ts";

/**
 * At a barrier, nobody gets in before all parties are there, and nobody gets out before all who
 * were in with it want to, or are gone. Nobody waits in vain: for others who have come, or for
 * others who want out as well. `lingerMs` is how long etcd may count one that is not there any more.
 */
export function together(
  history: readonly HistoryEvent[],
  { lingerMs }: { readonly lingerMs: number },
): string | undefined {
  const lulls = history.filter(({ kind }) => kind === "lull").map(({ at }) => at);
  for (const all of grouped(partiesOf(history), ({ name }) => name).values()) {
    const wrong =
      tooEarlyIn(all, lingerMs) ??
      tooEarlyOut(all) ??
      lulls.map((lull) => inVain(all, lull)).find((each) => each !== undefined) ??
      inVain(all, Number.POSITIVE_INFINITY);
    if (wrong) return wrong;
  }
  return undefined;
}

function tooEarlyIn(all: readonly Party[], lingerMs: number): string | undefined {
  for (const entering of all) {
    const { cameAt, enteredAt, parties } = entering;
    if (enteredAt === undefined) continue;
    const there = all.filter(({ cameAt: came, until, end }) => {
      const lingers = end === "died" || end === "is lost" ? lingerMs : 0;
      return came <= enteredAt && until + lingers >= cameAt;
    });
    if (there.length < parties) {
      return partyStory("Somebody got in before all had come", [entering, ...there]);
    }
  }
  return undefined;
}

function tooEarlyOut(all: readonly Party[]): string | undefined {
  for (const leaving of all) {
    const { enteredAt = 0, wantedOutAt = 0, until, end } = leaving;
    if (end !== "is out") continue;
    // Since when one was not there any more that is lost, or died, nobody can say here.
    const inside = all.filter(
      (other) =>
        other.end !== "is lost" &&
        other.end !== "died" &&
        other.enteredAt !== undefined &&
        other.enteredAt < wantedOutAt &&
        (other.wantedOutAt ?? other.until) > enteredAt &&
        (other.wantedOutAt ?? other.until) > until,
    );
    if (inside.length > 0) {
      return partyStory("Somebody got out before all wanted to", [leaving, ...inside]);
    }
  }
  return undefined;
}

/** Who waits in vain at a moment at which nothing else can happen. */
function inVain(all: readonly Party[], at: number): string | undefined {
  const there = all.filter(({ cameAt, until }) => cameAt < at && until >= at);
  const outside = there.filter(({ enteredAt = at }) => enteredAt >= at);
  const inside = there.filter((party) => !outside.includes(party));
  const staying = inside.filter(({ wantedOutAt = at }) => wantedOutAt >= at);
  if (inside.length > 0 && staying.length === 0) {
    return partyStory("All want out, but wait", there);
  }
  if (inside.length === 0 && outside.length >= (outside[0]?.parties ?? 0) && outside.length > 0) {
    return partyStory("All have come, but wait", there);
  }
  return undefined;
}
