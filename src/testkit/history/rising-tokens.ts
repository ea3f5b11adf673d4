import type { Recorded } from "./recorded.ts";
import { holdingsByName } from "./request.ts";
import { fitTogether } from "./sharing.ts";
import { story } from "./story.ts";

/**
 * Every token is larger than that of whoever held before, if the two could not hold together.
 * No two are the same.
 */
export function risingTokens({
  requests,
  capacityOf,
}: Pick<Recorded, "requests" | "capacityOf">): string | undefined {
  for (const [name, holdings] of holdingsByName(requests)) {
    let highest = 0n;
    for (const [index, holding] of holdings.entries()) {
      const { token } = holding;
      const before = holdings
        .slice(0, token <= highest ? index : 0)
        .find(
          (other) =>
            other.token === token ||
            (other.token > token && !fitTogether([other, holding], capacityOf(name))),
        );
      if (before) return story("A token did not rise", [before, holding]);
      if (token > highest) highest = token;
    }
  }
  return undefined;
}
