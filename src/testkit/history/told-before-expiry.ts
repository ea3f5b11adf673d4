import type { Recorded } from "./recorded.ts";
import { isHolding } from "./request.ts";
import { toldEntry } from "./server-side.ts";
import { ms, story } from "./story.ts";

/**
 * Nobody believes to hold after others could see that its entry is gone. It holds as long as
 * nobody removes entries by force: of that no client can know beforehand.
 */
export function toldBeforeExpiry({
  requests,
  entries,
}: Pick<Recorded, "requests" | "entries">): string | undefined {
  const byToken = new Map(entries.map((entry) => [`${entry.name} ${entry.token}`, entry]));
  for (const holding of requests.filter(isHolding)) {
    const entry = byToken.get(`${holding.name} ${holding.token}`);
    if (!entry || holding.until <= entry.seenRemovedAt) continue;
    const wrong = `Somebody believed though its entry was seen to go at ${ms(entry.seenRemovedAt)}`;
    return `${story(wrong, [holding])}\n${toldEntry(entry)}`;
  }
  return undefined;
}
