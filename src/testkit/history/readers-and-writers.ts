import { entrances } from "./entrances.ts";
import type { Request } from "./request.ts";
import { isAlone } from "./sharing.ts";
import { story } from "./story.ts";

/** Who shares a lock holds it beside others of its kind only: no reader beside a writer. */
export function readersAndWriters(requests: readonly Request[]): string | undefined {
  for (const { entering, inside } of entrances(requests)) {
    const strangers = inside.filter(
      (other) => other.mode !== entering.mode && !(isAlone(other) && isAlone(entering)),
    );
    if (strangers.length > 0) {
      return story("Some held at once who don't go together", [...strangers, entering]);
    }
  }
  return undefined;
}
