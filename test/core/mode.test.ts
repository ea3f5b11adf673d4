import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { infixOf, type Mode, modeOf } from "../../src/core/mode.ts";

const count = fc.integer({ min: 1, max: 1_000_000 });
const anyMode: fc.Arbitrary<Mode> = fc.oneof(
  fc.record({ kind: fc.constantFrom("exclusive", "read", "write", "election", "kept") }),
  fc.record({ kind: fc.constantFrom("barrier", "latch"), total: count }),
  fc
    .tuple(count, count)
    .map(([a, b]): Mode => ({ kind: "permits", total: Math.max(a, b), taken: Math.min(a, b) })),
);

describe("infixOf", () => {
  it.each<[Mode, string]>([
    [{ kind: "exclusive" }, ""],
    [{ kind: "read" }, "read/"],
    [{ kind: "write" }, "write/"],
    [{ kind: "election" }, "elect/"],
    [{ kind: "kept" }, "kept/"],
    [{ kind: "permits", total: 12, taken: 3 }, "permits/12/3/"],
    [{ kind: "barrier", total: 4 }, "barrier/4/"],
    [{ kind: "latch", total: 5 }, "latch/5/"],
  ])("writes %j as it stands in keys", (mode, infix) => {
    expect(infixOf(mode)).toBe(infix);
  });
});

describe("modeOf", () => {
  it("reads what infixOf wrote, whatever comes behind it", () => {
    fc.assert(
      fc.property(anyMode, fc.stringMatching(/^[0-9a-f]{1,16}(-[0-9]+)?$/), (mode, id) => {
        expect(modeOf(infixOf(mode) + id)).toEqual(mode);
      }),
    );
  });

  it.each([
    ["read/1733000000000000000", "read"],
    ["write/1733000000000000000", "write"],
  ])("takes Go's %s for what it is", (suffix, kind) => {
    expect(modeOf(suffix)).toEqual({ kind });
  });

  it.each([
    "",
    "694d8f1b2c3d4e5f",
    "anything/at/all",
    "READ/1-1",
    "readers/1-1",
    "election/1-1",
    "permits",
    "permits/3",
    "permits/3/1",
    "permits/3/1/2/x",
    "permits/3/4/x", // more than there are
    "permits/3/0/x",
    "permits/0/0/x",
    "permits/03/1/x",
    "permits/3/-1/x",
    "permits/3/1.5/x",
    "permits/1e3/1/x",
    "permits/ 3/1/x",
    "permits/9999999999999999/1/x", // beyond what a number can be exact of
    "permits//1/x",
    "barrier/x",
    "barrier/0/x",
    "barrier/3/4/x",
    "barrier/three/x",
    "latch/x",
    "latch/-3/x",
  ])("takes %j for one who wants the lock for itself", (suffix) => {
    expect(modeOf(suffix)).toEqual({ kind: "exclusive" });
  });

  it("makes something of any suffix, and never a semaphore that gives more than it has", () => {
    const word = fc.constantFrom(
      "permits",
      "barrier",
      "latch",
      "read",
      "0",
      "1",
      "2",
      "10",
      "",
      "x",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (words) => {
        const mode = modeOf(words.join("/"));
        if (mode.kind === "permits") expect(mode.taken).toBeLessThanOrEqual(mode.total);
        if ("total" in mode) expect(mode.total).toBeGreaterThan(0);
      }),
    );
  });
});
