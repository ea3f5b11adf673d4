import { InvalidOptionError } from "../errors.ts";
import { parseDetached } from "./detached.ts";
import { Leadership } from "./election.ts";
import { takeOn } from "./hand-over.ts";
import { Hold } from "./hold.ts";
import { queuePrefix } from "./keys.ts";
import { WriteHold } from "./rw-lock.ts";
import type { Sessions } from "./sessions.ts";

/** Takes on a hold that was detached. */
export async function attach(sessions: Sessions, ticket: unknown): Promise<Hold> {
  const left = parseDetached(ticket);
  const { namespace } = sessions.options;
  const isHere = left.names.every((name, index) =>
    left.keys[index]?.startsWith(queuePrefix(left.namespace, name)),
  );
  if (left.namespace !== namespace || !isHere) {
    throw new InvalidOptionError("ticket", `from the namespace "${namespace}"`, ticket);
  }
  const place = await takeOn(await sessions.queues(left.names), left);
  if (place.mode.kind === "election") return new Leadership(place);
  return place.rule.mode.kind === "write" ? new WriteHold(place) : new Hold(place);
}
