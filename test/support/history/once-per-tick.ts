import { grouped } from "../../../src/testkit/history/grouped.ts";
import { isHolding, type Request } from "../../../src/testkit/history/request.ts";
import { story } from "../../../src/testkit/history/story.ts";

/**
 * What is done once per tick is done by one of those who come for it: nobody else gets in until
 * the time of the tick is over, counted from when that one asked, whatever became of it; nor, if it
 * left in good order, until it was held for as long as it has to be. Of one that is taken away by force
 * while its answer is under way nobody knows that it was there, but the tick is over.
 */
export function oncePerTick(requests: readonly Request[], isForced = false): string | undefined {
  const ticks = requests.filter(({ windowMs }) => windowMs !== undefined);
  for (const all of grouped(ticks, ({ name }) => name).values()) {
    const runs = all.filter(isHolding).toSorted((a, b) => a.gotAt - b.gotAt);
    for (const [index, run] of runs.entries()) {
      const tooEarly = runs.slice(0, index).filter((before) => run.gotAt < overAt(before));
      if (tooEarly.length > 0) return story("It was done twice for one tick", [...tooEarly, run]);
    }
    const nobodyDid = all.every(({ end, why }) => end === "gave up" && why === "ALREADY_LOCKED");
    if (nobodyDid && !isForced) return story("All were told that somebody else does it", all);
  }
  return undefined;
}

function overAt({ askedAt, until, end, windowMs = 0, minHoldMs = 0 }: Request): number {
  return Math.max(askedAt + windowMs, end === "left" && minHoldMs > 0 ? until + minHoldMs : 0);
}
