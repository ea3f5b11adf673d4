import { exclusion } from "../../../src/testkit/history/exclusion.ts";
import { permits } from "../../../src/testkit/history/permits.ts";
import { readersAndWriters } from "../../../src/testkit/history/readers-and-writers.ts";
import type { Request } from "../../../src/testkit/history/request.ts";

/**
 * Nobody gets in beside the work of one that asked for that, though it has lost its hold, before that
 * work has stopped: it counts as if it held until then, but for no longer than others are kept out.
 */
export function lingering(
  requests: readonly Request[],
  capacity: number,
  lingerMs = Number.POSITIVE_INFINITY,
): string | undefined {
  const lasting = requests.map((request) => {
    const { lingers, stoppedAt, until } = request;
    return lingers
      ? { ...request, until: Math.min(stoppedAt ?? until, until + lingerMs) }
      : request;
  });
  const told = { requests: lasting, capacityOf: () => capacity };
  const wrong = exclusion(told) ?? readersAndWriters(told) ?? permits(told);
  return wrong && `Before the work of one that was lost had stopped: ${wrong}`;
}
