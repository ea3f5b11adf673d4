import { processOf } from "../../../src/testkit/history/event.ts";
import { grouped } from "../../../src/testkit/history/grouped.ts";
import { isHolding, type Request } from "../../../src/testkit/history/request.ts";
import { story } from "../../../src/testkit/history/story.ts";

/** Those who wait in one process stand in the queue in the order in which they asked. */
export function askingOrder(requests: readonly Request[]): string | undefined {
  const waiting = requests.filter(({ waitMs }) => waitMs > 0).filter(isHolding);
  const byQueue = grouped(waiting, ({ who, name }) => `${processOf(who)} ${name}`);
  for (const queue of byQueue.values()) {
    for (const [index, later] of queue.entries()) {
      const earlier = queue[index - 1];
      if (earlier && earlier.token > later.token) {
        return story("A process asked in one order and queued in another", [earlier, later]);
      }
    }
  }
  return undefined;
}
