import { expect, it } from "vitest";
import type { Hold } from "../../../src/index.ts";
import type { HistoryEvent } from "../../../src/testkit/history/event.ts";
import { RecordedClient } from "../../../src/testkit/history/recorded-client.ts";

it("tells of no holder whose hold was lost before anybody could use it", async () => {
  const events: HistoryEvent[] = [];
  const client = new RecordedClient("web", {
    ...{ clock: undefined, now: () => 1 },
    tell: (event) => events.push(event),
  });
  const lost = { held: false, fencingToken: 5n } as Hold;

  await client.acquire({ names: ["x"], mode: "exclusive", permits: 1 }, async () => lost);

  expect(events.map(({ kind }) => kind)).toEqual(["asked", "gave up"]);
});
