import { describe, expect, it } from "vitest";
import { allLeave, lastOfRound } from "../../src/core/barrier.ts";
import { type Entry, entryOf, entryValue } from "../../src/core/entry.ts";
import { bytesOf } from "../../src/core/keys.ts";

const identity = { nodeId: "a", host: "b", pid: 1 };

/** One of two, or more, who came to a barrier, in the order in which they are listed. */
function queueOf(...states: readonly (string | undefined)[]): readonly Entry[] {
  return states.map((state, index) => {
    const revision = BigInt(index + 1);
    return entryOf("q/", {
      key: bytesOf(`q/barrier/2/${revision}-1`),
      value: entryValue(identity, 0, { state }),
      createRevision: revision,
      modRevision: revision,
      version: 1n,
      lease: revision,
    });
  });
}
const keyOf = (index: number): string => `q/barrier/2/${index}-1`;
const waiting = undefined;

describe("who may go in", () => {
  it.each([
    ["the first ones, once all have come", [waiting, waiting], 1, 2n],
    ["one that the others counted on, though they want out", ["leaving/2", waiting], 2, 2n],
    ["one that the others counted on, whoever died", ["inside/3", waiting, waiting], 3, 3n],
  ])("is %s", (_, states, index, last) => {
    expect(lastOfRound(queueOf(...states), keyOf(index), 2)).toBe(last);
  });

  it.each([
    ["is alone", [waiting], 1],
    ["comes later than the first ones", [waiting, waiting, waiting], 3],
    ["comes while the ones before are inside", ["inside/2", "inside/2", waiting, waiting], 3],
    ["comes while one of the ones before leaves", ["leaving/1", waiting, waiting], 2],
    ["comes instead of one that died inside", ["inside/1", waiting], 2],
  ])("is nobody who %s", (_, states, index) => {
    expect(lastOfRound(queueOf(...states), keyOf(index), 2)).toBeUndefined();
  });
});

describe("who may go out", () => {
  it.each([
    ["once all want to", ["leaving/2", "leaving/2"], 2n],
    ["before those who come later", ["leaving/2", "leaving/2", waiting], 2n],
    ["when it is alone", ["leaving/2"], 2n],
  ])("may do so %s", (_, states, last) => {
    expect(allLeave(queueOf(...states), last)).toBe(true);
  });

  it.each([
    ["one that is inside", ["leaving/2", "inside/2"], 2n],
    ["one that is about to go in", ["leaving/2", waiting], 2n],
    ["one that another one of them counted on", ["leaving/2", "leaving/3", "inside/3"], 2n],
  ])("waits for %s", (_, states, last) => {
    expect(allLeave(queueOf(...states), last)).toBe(false);
  });
});
