import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KeyValue } from "../../../src/etcd/api.ts";
import { KeyIndex } from "../../../src/etcd/embedded/key-index.ts";

const kv: KeyValue = {
  key: new Uint8Array(),
  value: new Uint8Array(),
  createRevision: 1n,
  modRevision: 1n,
  version: 1n,
  lease: 0n,
};

function keysIn(index: KeyIndex, start = "", end?: string): string[] {
  const keys: string[] = [];
  index.forEach({ start, end }, (_, key) => keys.push(key));
  return keys;
}

// Few enough names that many are deleted and added again, enough for many chunks.
const nameArb = fc.integer({ min: 0, max: 600 }).map((number) => `k${number}`);

describe("KeyIndex", () => {
  it("has the keys that were added and not deleted, in order, in every span", () => {
    const stepArb = fc.tuple(fc.constantFrom("add", "add", "delete"), nameArb);
    const stepsArb = fc.array(stepArb, { minLength: 200, maxLength: 1_500, size: "max" });
    fc.assert(
      fc.property(
        stepsArb,
        nameArb,
        fc.option(nameArb, { nil: undefined }),
        (steps, start, end) => {
          const index = new KeyIndex();
          const expected = new Set<string>();
          for (const [step, name] of steps) {
            if (step === "delete") index.delete(name);
            else if (!index.find(name)) index.add(name, kv);
            if (step === "delete") expected.delete(name);
            else expected.add(name);
          }
          const sorted = [...expected].sort();
          expect(index.size).toBe(sorted.length);
          expect(keysIn(index)).toEqual(sorted);
          expect(keysIn(index, start, end)).toEqual(
            sorted.filter((name) => name >= start && (end === undefined || name < end)),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each(["ascending", "descending"])("stays in order when keys come %s and go", (direction) => {
    const index = new KeyIndex();
    const names = Array.from({ length: 1_000 }, (_, number) => `k${10_000 + number}`);
    for (const name of direction === "ascending" ? names : names.toReversed()) index.add(name, kv);
    expect(keysIn(index)).toEqual(names);
    for (const name of names.slice(100, 900)) index.delete(name);
    expect(keysIn(index)).toEqual([...names.slice(0, 100), ...names.slice(900)]);
    expect(keysIn(index, "k10500", "k10902")).toEqual(["k10900", "k10901"]);
    expect(index.find("k10500")).toBeUndefined();
  });
});
