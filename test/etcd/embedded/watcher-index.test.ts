import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyBytes, spanOf, spans } from "../../../src/etcd/embedded/key-string.ts";
import { WatcherIndex } from "../../../src/etcd/embedded/watcher-index.ts";

// Prefixes in all lengths, ends in 255, and the ends that belong to them.
const keyArb = fc
  .array(fc.constantFrom("a", "b", "\xff"), { minLength: 1, maxLength: 3 })
  .map((characters) => characters.join(""));
const endArb = fc.oneof(keyArb, fc.constantFrom("", "\0", "b", "c", "ab", "ac", "b\xff", "bb"));
const rangeArb = fc
  .tuple(keyArb, endArb)
  .map(([key, end]) => ({ key: keyBytes(key), rangeEnd: keyBytes(end) }));

describe("WatcherIndex", () => {
  it("finds everyone whose range a key lies in, and nobody who left", () => {
    fc.assert(
      fc.property(fc.array(rangeArb), keyArb, fc.array(fc.nat()), (ranges, key, leavers) => {
        const index = new WatcherIndex<number>();
        const leave = ranges.map((range, watcher) => index.add(range, watcher));
        const gone = new Set(leavers.filter((watcher) => watcher < ranges.length));
        for (const watcher of gone) leave[watcher]?.();

        const found: number[] = [];
        index.forEach(key, (watcher) => found.push(watcher));

        const expected = [...ranges.keys()].filter((watcher) => {
          const range = ranges[watcher];
          return range && !gone.has(watcher) && spans(spanOf(range), key);
        });
        expect(found.toSorted((a, b) => a - b)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
