import { describe, expect, it } from "vitest";
import { beliefEndsFirst } from "../support/history/belief-ends-first.ts";
import type { Mode } from "../support/history/event.ts";
import { fencedWrites } from "../support/history/fenced-writes.ts";
import { scriptedRequests } from "../support/history/scripted.ts";
import type { Entry, Write } from "../support/history/server-side.ts";
import { tokensFromEtcd } from "../support/history/tokens-from-etcd.ts";
import { writesInTurn } from "../support/history/writes-in-turn.ts";

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

describe("tokensFromEtcd", () => {
  const requests = scriptedRequests(["1/a asks", "1/a gets 5", "1/a leaves"]);

  it("lets the create revision of an entry of one's own pass", () => {
    expect(tokensFromEtcd(requests, [entry("1/a", 5n)])).toBeUndefined();
  });

  it.each([
    ["no entry", []],
    ["an entry of another revision", [entry("1/a", 4n)]],
    ["an entry of somebody else", [entry("2/a", 5n)]],
    ["an entry of another lock", [{ ...entry("1/a", 5n), name: "y" }]],
  ])("finds a token of %s", (_, entries) => {
    expect(tokensFromEtcd(requests, entries)).toContain("with token 5");
  });
});

describe("beliefEndsFirst", () => {
  const leaves = ["1/a asks", "1/a gets 5", "8: 1/a leaves"];
  const loses = ["1/a asks", "1/a gets 5", "20: 1/a loses since 8"];

  it.each([
    ["who left before its entry went", leaves, entry("1/a", 5n, { to: 6n, seenAt: 9 })],
    ["who knew of a loss before its entry went", loses, entry("1/a", 5n, { to: 6n, seenAt: 9 })],
    ["whose entry is still there", leaves, entry("1/a", 5n)],
  ])("lets one pass %s", (_, lines, standing) => {
    expect(beliefEndsFirst(scriptedRequests(lines), [standing])).toBeUndefined();
  });

  it.each([
    ["who left after its entry had gone", leaves],
    ["who believed after its entry had gone", loses],
    ["who still believes", ["1/a asks", "1/a gets 5"]],
  ])("finds one %s", (_, lines) => {
    const gone = entry("1/a", 5n, { to: 6n, seenAt: 7 });

    expect(beliefEndsFirst(scriptedRequests(lines), [gone])).toContain("seen to go at 7 ms");
  });
});

describe("writesInTurn", () => {
  const reader = { mode: "read" } as const;

  it.each([
    ["of the first one", [entry("1/a", 1n), entry("2/a", 2n)], write(1n, 3n)],
    [
      "of the second one once the first has gone",
      [entry("1/a", 1n, { to: 3n }), entry("2/a", 2n)],
      write(2n, 4n),
    ],
    [
      "of a reader beside a reader",
      [entry("1/a", 1n, reader), entry("2/a", 2n, reader)],
      write(2n, 4n, "read"),
    ],
    [
      "of a reader beside a writer that has become one",
      [entry("1/a", 1n, { mode: "write", sharesSince: 3n }), entry("2/a", 2n, reader)],
      write(2n, 4n, "read"),
    ],
    [
      "of the first one beside another lock",
      [{ ...entry("1/a", 1n), name: "y" }, entry("2/a", 2n)],
      write(2n, 4n),
    ],
  ])("lets a write pass %s", (_, entries, written) => {
    expect(writesInTurn([written], entries, 1)).toBeUndefined();
  });

  it.each([
    [
      "of the second one before the first has gone",
      [entry("1/a", 1n, { to: 4n }), entry("2/a", 2n)],
      write(2n, 3n),
    ],
    ["of one whose entry has gone", [entry("1/a", 1n, { to: 3n })], write(1n, 4n)],
    ["of one who never had an entry", [entry("2/a", 2n)], write(1n, 4n)],
    [
      "of a reader before the writer became one",
      [entry("1/a", 1n, { mode: "write", sharesSince: 5n }), entry("2/a", 2n, reader)],
      write(2n, 4n, "read"),
    ],
    [
      "of a reader behind a writer",
      [entry("1/a", 1n, { mode: "write" }), entry("2/a", 2n, reader)],
      write(2n, 4n, "read"),
    ],
  ])("finds a write %s", (_, entries, written) => {
    expect(writesInTurn([written], entries, 1)).toMatch(/^Somebody wrote out of turn:/);
  });
});

describe("fencedWrites", () => {
  it.each([
    ["rising tokens", [write(1n, 5n), write(1n, 6n), write(2n, 7n)]],
    ["rising tokens that are listed in another order", [write(2n, 7n), write(1n, 6n)]],
    ["readers in turns", [write(2n, 5n, "read"), write(1n, 6n, "read")]],
    ["two locks", [write(2n, 5n), { ...write(1n, 6n), name: "y" }]],
  ])("lets %s pass", (_, writes) => {
    expect(fencedWrites(writes, 1)).toBeUndefined();
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
    expect(fencedWrites(writes, 1)).toMatch(/^A smaller token wrote after a larger one:/);
  });
});
