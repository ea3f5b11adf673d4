import { grouped } from "../../../src/testkit/history/grouped.ts";
import type { Request } from "../../../src/testkit/history/request.ts";
import { type Entry, toldEntry } from "../../../src/testkit/history/server-side.ts";
import { story } from "../../../src/testkit/history/story.ts";

/**
 * Who asks for several locks at once gets all of them or none, in one moment and with one token;
 * its entries come at one revision and go at one. It holds as long as nobody removes any by force.
 */
export function allOrNothing(
  requests: readonly Request[],
  entries: readonly Entry[],
): string | undefined {
  const asked = grouped(requests, ({ who, names, askedAt }) => `${who} ${names} ${askedAt}`);
  for (const together of asked.values()) {
    // It may have died before it had told all.
    if (together.some(({ end }) => end === "died")) continue;
    const outcomes = together.map(({ token, gotAt, end }) => `${token} ${gotAt} ${end}`);
    if (!areAll(together) || new Set(outcomes).size > 1) {
      return story("Somebody asked for all of these at once, and got a part", together);
    }
  }
  const joined = grouped(entries, ({ who, names, token }) => `${who} ${names} ${token}`);
  for (const together of joined.values()) {
    if (areAll(together) && new Set(together.map(({ removedAt }) => removedAt)).size === 1)
      continue;
    const wrong = `Somebody asked for ${together[0]?.names.join(", ")} at once, and stood there in parts`;
    return [`${wrong}:`, ...together.map(toldEntry)].join("\n");
  }
  return undefined;
}

/** Whether there is one for each name. */
function areAll(together: readonly Pick<Request, "name" | "names">[]): boolean {
  const { names = [] } = together[0] ?? {};
  const found = together.map(({ name }) => name).toSorted();
  return String(found) === String(names.toSorted());
}
