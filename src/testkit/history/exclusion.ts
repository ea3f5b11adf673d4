import { entrances } from "./entrances.ts";
import type { Recorded } from "./recorded.ts";
import { isAlone } from "./sharing.ts";
import { story } from "./story.ts";

/**
 * Of those who want a lock for themselves, no two have it at once: each from when it got in until it
 * left, or, if it was told in time that it had lost the lock, until its work had stopped. Nobody can
 * tell a process that is stopped: `fencedWrites` is for those.
 *
 * Returns who did as a story, or `undefined` when nobody did.
 */
export function exclusion({ requests }: Pick<Recorded, "requests">): string | undefined {
  for (const { entering, inside } of entrances(requests)) {
    const others = isAlone(entering) ? inside.filter(isAlone) : [];
    if (others.length > 0) return story("Two held at once", [...others, entering]);
  }
  return undefined;
}
