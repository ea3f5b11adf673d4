import type { Recorded } from "./recorded.ts";
import { asOf, holdingsByName } from "./request.ts";
import { fitTogether } from "./sharing.ts";
import { story } from "./story.ts";

/**
 * Nobody gets in past somebody who joined the queue before, still stands there, and would
 * not fit in as well. The token tells when who joined; whoever has none yet is not counted.
 */
export function firstComeFirstServed({
  requests,
  capacityOf,
}: Pick<Recorded, "requests" | "capacityOf">): string | undefined {
  for (const [name, holdings] of holdingsByName(requests)) {
    for (const entering of holdings) {
      const ahead = holdings
        .filter(({ token, until }) => token < entering.token && until > entering.gotAt)
        .map((holding) => asOf(holding, entering.gotAt));
      if (!fitTogether([...ahead, entering], capacityOf(name))) {
        return story("The last of these got in past those who came before", [...ahead, entering]);
      }
    }
  }
  return undefined;
}
