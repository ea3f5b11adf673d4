import { describe, expect, it } from "vitest";
import type { Mode } from "../../src/testkit/history/event.ts";
import type { Entry, Write } from "../../src/testkit/history/server-side.ts";
import { scriptedRequests } from "../support/history/scripted.ts";
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
