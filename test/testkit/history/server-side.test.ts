import { describe, expect, it } from "vitest";
import type { Mode } from "../../../src/testkit/history/event.ts";
import { fencedWrites } from "../../../src/testkit/history/fenced-writes.ts";
import type { Entry, Write } from "../../../src/testkit/history/server-side.ts";
import { toldBeforeExpiry } from "../../../src/testkit/history/told-before-expiry.ts";
import { scriptedRequests } from "../../support/history/scripted.ts";

interface Span {
  readonly to?: bigint;
  readonly seenAt?: number;
  readonly sharesSince?: bigint;
  readonly mode?: Mode;
}

const never = Number.POSITIVE_INFINITY;
const entry = (
  who: string,
  token: bigint,
  { to, seenAt = never, mode = "exclusive", sharesSince }: Span = {},
): Entry => ({
  ...{ name: "x", names: ["x"], who, mode, permits: 1, token },
  ...{ sharesSince, removedAt: to, seenRemovedAt: seenAt },
});
const write = (token: bigint, revision: bigint, mode: Mode = "exclusive"): Write => ({
  ...{ name: "x", mode, permits: 1, token, revision },
});

describe("toldBeforeExpiry", () => {
  const leaves = ["1/a asks", "1/a gets 5", "8: 1/a leaves"];
  const loses = ["1/a asks", "1/a gets 5", "20: 1/a loses since 8"];

  it.each([
    ["who left before its entry went", leaves, entry("1/a", 5n, { to: 6n, seenAt: 9 })],
    ["who knew of a loss before its entry went", loses, entry("1/a", 5n, { to: 6n, seenAt: 9 })],
    ["whose entry is still there", leaves, entry("1/a", 5n)],
  ])("lets one pass %s", (_, lines, standing) => {
    expect(
      toldBeforeExpiry({ requests: scriptedRequests(lines), entries: [standing] }),
    ).toBeUndefined();
  });

  it.each([
    ["who left after its entry had gone", leaves],
    ["who believed after its entry had gone", loses],
    ["who still believes", ["1/a asks", "1/a gets 5"]],
  ])("finds one %s", (_, lines) => {
    const gone = entry("1/a", 5n, { to: 6n, seenAt: 7 });

    expect(toldBeforeExpiry({ requests: scriptedRequests(lines), entries: [gone] })).toContain(
      "seen to go at 7 ms",
    );
  });
});

describe("fencedWrites", () => {
  it.each([
    ["rising tokens", [write(1n, 5n), write(1n, 6n), write(2n, 7n)]],
    ["rising tokens that are listed in another order", [write(2n, 7n), write(1n, 6n)]],
    ["readers in turns", [write(2n, 5n, "read"), write(1n, 6n, "read")]],
    ["two locks", [write(2n, 5n), { ...write(1n, 6n), name: "y" }]],
  ])("lets %s pass", (_, writes) => {
    expect(fencedWrites({ writes, capacityOf: () => 1 })).toBeUndefined();
  });

  it.each([
    ["a token that falls", [write(2n, 5n), write(1n, 6n)]],
    ["a writer that comes after a later reader", [write(2n, 5n, "read"), write(1n, 6n, "write")]],
    [
      "a writer between two readers that may take turns",
      [write(4n, 5n, "read"), write(2n, 6n, "read"), write(3n, 7n, "write")],
    ],
    ["a token that falls below the last but one", [write(3n, 5n), write(4n, 6n), write(2n, 7n)]],
  ])("finds %s", (_, writes) => {
    expect(fencedWrites({ writes, capacityOf: () => 1 })).toMatch(
      /^A smaller token wrote after a larger one:/,
    );
  });
});
