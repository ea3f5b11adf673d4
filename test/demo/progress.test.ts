import { describe, expect, it } from "vitest";
import type { DemoEvent, DirectorEvent, ReplicaEvent } from "../../demo/events.ts";
import { advance, noProgress, type Progress } from "../../demo/progress.ts";

type What = ReplicaEvent | DirectorEvent;

/** What is known after these events, one every 100 ms. */
function progressAfter(...happened: readonly [replica: string, what: What][]): Progress {
  return happened
    .map(([replica, what], index): DemoEvent => ({ ...what, replica, atMs: 100 * index }))
    .reduce(advance, noProgress);
}

const holding = (token: bigint): What => ({ kind: "holding", token });
const waiting: What = { kind: "waiting" };
const released: What = { kind: "released" };
const killed: What = { kind: "killed" };
const paused: What = { kind: "paused" };
const resumed: What = { kind: "resumed" };

describe("advance", () => {
  it("counts an update for the replica that claims it", () => {
    const progress = progressAfter(["a", holding(1n)], ["a", { kind: "updated", update: "a.1" }]);

    expect(progress.claimed).toEqual(["a.1"]);
    expect(progress.replicas.get("a")).toEqual({ state: "holding", token: 1n, updates: 1 });
  });

  it("times a hand-over from the strike until somebody else holds", () => {
    const progress = progressAfter(
      ["a", holding(1n)],
      ["a", killed],
      ["b", waiting],
      ["b", holding(2n)],
      ["c", holding(3n)],
    );

    expect(progress.handOversMs).toEqual({ killed: [200], paused: [] });
    expect(progress.openHandOver).toBeUndefined();
  });

  it("times none when the strike hit a replica that did not hold", () => {
    const progress = progressAfter(["a", waiting], ["a", killed], ["b", holding(2n)]);

    expect(progress.kills).toBe(1);
    expect(progress.handOversMs.killed).toEqual([]);
  });

  it("times none when it turns out that the replica had released before the strike", () => {
    const progress = progressAfter(
      ["a", holding(1n)],
      ["a", killed],
      ["a", released],
      ["b", holding(2n)],
    );

    expect(progress.handOversMs.killed).toEqual([]);
  });

  it("takes a replica for paused until it goes on, whatever is heard of it late", () => {
    const before = progressAfter(["a", holding(1n)], ["a", paused], ["a", waiting]);
    expect(before.replicas.get("a")?.state).toBe("paused");

    const woken = advance(before, { ...resumed, replica: "a", atMs: 900 });
    expect(woken.replicas.get("a")?.state).toBe("waiting");
  });

  it("counts what the hold would have said to a writer that was refused", () => {
    const progress = progressAfter(
      ["a", { kind: "refused", held: false, aborted: true }],
      ["b", { kind: "refused", held: true, aborted: false }],
    );

    expect(progress.stale).toEqual({ refused: 2, notHeld: 1, aborted: 1 });
  });
});
