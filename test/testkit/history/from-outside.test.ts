import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../../src/testkit/history/event.ts";
import { exclusion } from "../../../src/testkit/history/exclusion.ts";
import { fromOutside } from "../../../src/testkit/history/from-outside.ts";
import { type Request, requestsOf } from "../../../src/testkit/history/request.ts";
import type { Entry, Write } from "../../../src/testkit/history/server-side.ts";
import { toldBeforeExpiry } from "../../../src/testkit/history/told-before-expiry.ts";
import { scripted } from "../../support/history/scripted.ts";

/** Of one that lost what it had at 10 ms, and stopped its work at 20, before another one got in at 15. */
function lost(why: string, toldInTime = true): readonly Request[] {
  const history = scripted(
    ...["1/a asks", "1/a gets 5", "2/a asks", "15: 2/a gets 6", "16: 2/a leaves"],
    "20: 1/a loses since 10",
  );
  return requestsOf(
    history.map(
      (event): HistoryEvent => (event.kind === "lost" ? { ...event, why, toldInTime } : event),
    ),
  );
}

const gone = (seenRemovedAt: number): readonly Entry[] => [
  {
    ...{ name: "x", who: "1", names: ["x"], mode: "exclusive", permits: 1, token: 5n },
    ...{ sharesSince: undefined, removedAt: 6n, seenRemovedAt },
  },
];
const wrote = (at: number): readonly Write[] => [
  { name: "x", mode: "exclusive", permits: 1, token: 5n, revision: 1n, at, who: "1/a" },
];
const seen = (
  requests: readonly Request[],
  entries: readonly Entry[],
  writes: readonly Write[] = [],
): readonly Request[] => requests.map((request) => fromOutside(request, entries, writes));

describe("fromOutside", () => {
  it("lets one count that was told in time until its work had stopped", () => {
    const story = exclusion({ requests: seen(lost("expired"), gone(12)) });

    expect(story).toMatch(/^Two held at once:\n.*1\/a .*, worked on until 20 ms\n/);
  });

  it("lets one that was told too late count until it was certain for the last time", () => {
    expect(exclusion({ requests: seen(lost("stalled", false), gone(12)) })).toBeUndefined();
  });

  it("lets one count whose key was taken away until then, and had to stop only if told before", () => {
    for (const why of ["deleted", "revoked", "overwritten", "rolled back"]) {
      const [before, after] = [seen(lost(why), gone(12)), seen(lost(why), gone(9))];

      expect(exclusion({ requests: before })).toMatch(/worked on until/);
      expect(exclusion({ requests: after })).toBeUndefined();
      expect(after[0]?.until).toBe(9);
      expect(toldBeforeExpiry({ requests: after, entries: gone(9) })).toBeUndefined();
    }
  });

  it("says that one never got in whose key was taken away before it heard of that", () => {
    const history = scripted(
      ...["1/a asks", "2/a asks", "3: 2/a gets 6", "4: 1/a gets 5", "6: 2/a leaves"],
      "7: 1/a loses since 5",
    );
    const requests = requestsOf(
      history.map((event) => (event.kind === "lost" ? { ...event, why: "deleted" } : event)),
    );

    expect(exclusion({ requests: seen(requests, gone(9)) })).toBeDefined();
    const [first] = seen(requests, gone(2));
    expect(first).toMatchObject({ end: "gave up", gotAt: undefined });
    expect(exclusion({ requests: seen(requests, gone(2)) })).toBeUndefined();
  });

  it("still blames one for believing in what has expired", () => {
    const requests = seen(lost("expired"), gone(9));

    expect(toldBeforeExpiry({ requests, entries: gone(9) })).toMatch(/seen to go at 9 ms/);
  });

  it("takes one that writes to be at work", () => {
    const [first] = seen(lost("expired"), gone(12), wrote(30));

    expect(first?.stoppedAt).toBe(30);
  });
});
