import { isHolding, type Request } from "../../../src/testkit/history/request.ts";
import type { Entry } from "../../../src/testkit/history/server-side.ts";
import { story } from "../../../src/testkit/history/story.ts";

/** Every token is the create revision of an entry of its owner, in the queue of that very lock. */
export function tokensFromEtcd(
  requests: readonly Request[],
  entries: readonly Entry[],
): string | undefined {
  const owners = new Map(entries.map(({ name, token, who }) => [`${name} ${token}`, who]));
  const foreign = requests
    .filter(isHolding)
    .find(({ name, token, who }) => owners.get(`${name} ${token}`) !== who);
  return foreign && story("A token is not that of an entry of its owner", [foreign]);
}
