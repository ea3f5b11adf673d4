import { entrances } from "./entrances.ts";
import type { Recorded } from "./recorded.ts";
import { isAlone } from "./sharing.ts";
import { story } from "./story.ts";

/**
 * Who shares a lock holds it beside others of its kind only: no reader beside a writer. It counts the
 * same times as `exclusion`, which is for those who share nothing.
 */
export function readersAndWriters({ requests }: Pick<Recorded, "requests">): string | undefined {
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
