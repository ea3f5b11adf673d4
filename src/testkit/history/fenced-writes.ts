import { grouped } from "./grouped.ts";
import type { Recorded } from "./recorded.ts";
import { toldWrite } from "./server-side.ts";
import { fitTogether } from "./sharing.ts";

/**
 * What the lock protects never sees a token smaller than one before, but of those who may
 * hold together. It knows nothing of clocks, so it holds for processes that were stopped, too.
 */
export function fencedWrites({
  writes,
  capacityOf,
}: Pick<Recorded, "writes" | "capacityOf">): string | undefined {
  const inOrder = writes.toSorted((a, b) => (a.revision < b.revision ? -1 : 1));
  for (const [name, written] of grouped(inOrder, (write) => write.name)) {
    const capacity = capacityOf(name);
    let highest = 0n;
    for (const [index, write] of written.entries()) {
      const before = written
        .slice(0, write.token < highest ? index : 0)
        .find(({ token, ...want }) => token > write.token && !fitTogether([want, write], capacity));
      if (before) {
        return [
          "A smaller token wrote after a larger one:",
          ...[before, write].map(toldWrite),
        ].join("\n");
      }
      if (write.token > highest) highest = write.token;
    }
  }
  return undefined;
}
