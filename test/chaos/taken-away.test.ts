import { describe, expect, it } from "vitest";
import type { Request } from "../../src/testkit/history/request.ts";
import type { Entry } from "../../src/testkit/history/server-side.ts";
import type { Deed } from "./deed.ts";
import type { RunRecord } from "./run-record.ts";
import { staleTakingOf, takingOf } from "./taken-away.ts";

const ttlMs = 3_000;
const entry = {
  ...{ name: "b", names: ["a", "b"], who: "2.1/a", token: 7n, removedAt: 9n },
  ...{ mode: "exclusive", permits: 1, seenRemovedAt: 10_000 },
} as unknown as Entry;
const toldAt = 9_900;
const request = {
  ...{ who: "2.1/a", name: "b", token: 7n, end: "lost", why: "revoked", until: toldAt },
} as unknown as Request;
const leaderStop = deed("stop node", "node 1", { from: 4_000, until: 9_800 });

function deed(kind: string, target: string, more: Partial<Deed> & { from: number }): Deed {
  return { kind, target, until: more.from, story: kind, ...more };
}

function recordOf(deeds: readonly Deed[], history: RunRecord["history"] = []): RunRecord {
  return { deeds, history, seen: new Map(), ttlOf: () => ttlMs } as unknown as RunRecord;
}

describe("Of an entry that went", () => {
  it("an administrator is told who took it", () => {
    const record = recordOf([deed("delete key", "b", { from: 9_000, revision: 9n })]);
    expect(takingOf(entry, record)).toEqual({ by: "administrator", since: 9_000 });
  });

  it("an administrator is told who took another one that was had with it", () => {
    const record = recordOf([deed("force release", "a", { from: 9_000, victim: 7n })]);
    expect(takingOf(entry, record)).toEqual({ by: "administrator", since: 9_000 });
  });

  it("nobody is told who took another one, or came later", () => {
    const other = deed("force release", "b", { from: 9_000, victim: 6n });
    const later = deed("force release", "b", { from: 10_001, victim: 7n });
    expect(takingOf(entry, recordOf([other, later]))).toBeUndefined();
  });

  it("a leader is told that was stopped and went on before that", () => {
    expect(staleTakingOf(request, entry, recordOf([leaderStop]))).toEqual({
      by: "stale leader",
      since: 9_800,
    });
  });

  it("no leader is told that went on long before", () => {
    const record = recordOf([{ ...leaderStop, until: 6_900 }]);
    expect(staleTakingOf(request, entry, record)).toBeUndefined();
  });

  it.each([
    [
      "stood still",
      [],
      [
        { at: 7_000, who: "2.1", kind: "stopped" },
        { at: 9_850, who: "2.1", kind: "went on" },
      ],
    ],
    ["had no way to etcd", [deed("cut client", "client 2", { from: 7_000, until: 9_850 })], []],
  ] as const)(
    "no leader is told when its client %s until its lease had ended",
    (_, deeds, history) => {
      const record = recordOf([leaderStop, ...deeds], history);
      expect(staleTakingOf(request, entry, record)).toBeUndefined();
      // But who believes even so was not expired.
      const believes = { ...request, until: 10_001 };
      expect(staleTakingOf(believes, entry, record)?.by).toBe("stale leader");
    },
  );

  it("a leader is told all the same when its client was disturbed for a moment, or another one", () => {
    const short = deed("cut client", "client 2", { from: 9_000, until: 9_850 });
    const other = deed("cut client", "client 3", { from: 7_000, until: 9_850 });
    const record = recordOf([leaderStop, short, other]);
    expect(staleTakingOf(request, entry, record)?.by).toBe("stale leader");
  });
});
