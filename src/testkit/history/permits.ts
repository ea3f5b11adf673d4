import { entrances } from "./entrances.ts";
import type { Recorded } from "./recorded.ts";
import { permitsOf } from "./sharing.ts";
import { story } from "./story.ts";

/** At no moment are more permits of a semaphore out than there are. It counts the same times as `exclusion`. */
export function permits({
  requests,
  capacityOf,
}: Pick<Recorded, "requests" | "capacityOf">): string | undefined {
  for (const { entering, inside } of entrances(requests)) {
    const holders = [...inside, entering].filter(({ mode }) => mode === "permits");
    const out = permitsOf(holders);
    const capacity = capacityOf(entering.name);
    if (out > capacity) return story(`${out} of ${capacity} permits were out`, holders);
  }
  return undefined;
}
