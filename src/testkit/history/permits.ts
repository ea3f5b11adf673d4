import { entrances } from "./entrances.ts";
import type { Request } from "./request.ts";
import { permitsOf } from "./sharing.ts";
import { story } from "./story.ts";

/** At no moment are more permits out than there are. */
export function permits(requests: readonly Request[], capacity: number): string | undefined {
  for (const { entering, inside } of entrances(requests)) {
    const holders = [...inside, entering].filter(({ mode }) => mode === "permits");
    const out = permitsOf(holders);
    if (out > capacity) return story(`${out} of ${capacity} permits were out`, holders);
  }
  return undefined;
}
