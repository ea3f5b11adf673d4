import { entrances } from "./entrances.ts";
import type { Request } from "./request.ts";
import { isAlone } from "./sharing.ts";
import { story } from "./story.ts";

/** Of those who want a lock for themselves, no two believe at once to have it. */
export function exclusion(requests: readonly Request[]): string | undefined {
  for (const { entering, inside } of entrances(requests)) {
    const others = isAlone(entering) ? inside.filter(isAlone) : [];
    if (others.length > 0) return story("Two held at once", [...others, entering]);
  }
  return undefined;
}
