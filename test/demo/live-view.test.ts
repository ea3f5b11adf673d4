import { describe, expect, it } from "vitest";
import { liveView, rowsOf } from "../../demo/live-view.ts";
import { noProgress, type Progress } from "../../demo/progress.ts";
import { painted, plain } from "../../src/cli/text.ts";

const progress: Progress = {
  ...noProgress,
  claimed: ["a.1"],
  replicas: new Map([
    ["a", { state: "holding", token: 17n, updates: 1 }],
    ["b", { state: "waiting", token: undefined, updates: 0 }],
  ]),
};

function drawn(size: { columns: number; rows: number }): readonly string[] {
  const news = ["first", "second"];
  return liveView({ progress, seconds: "1.0 s", news }, size).map((line) => painted(line, plain));
}

describe("liveView", () => {
  it("shows each replica, the counters and the news", () => {
    expect(drawn({ columns: 80, rows: 24 })).toEqual([
      "  a  holding token 17       1 updates",
      "  b  waiting                0 updates",
      "",
      "  1.0 s  1 update, 0 kills, 0 pauses, 0 stale writes stopped",
      "",
      "  first",
      "  second",
    ]);
  });

  it("drops the oldest news first where the terminal is low", () => {
    expect(drawn({ columns: 80, rows: 7 }).at(-1)).toBe("  second");
    expect(drawn({ columns: 80, rows: 7 })).toHaveLength(6);
    expect(drawn({ columns: 80, rows: 3 })).toHaveLength(2);
  });

  it("breaks what is longer than the terminal is wide, and leaves out what is plain", () => {
    const [first, , , ...rest] = drawn({ columns: 32, rows: 24 });

    expect(first).toBe("  a  holding token 17       1");
    expect(rest).toEqual([
      "  1.0 s  1 update, 0 kills, 0",
      "  pauses, 0 stale writes stopped",
      "",
      "  first",
      "  second",
    ]);
  });

  it("keeps to the width of the terminal", () => {
    for (const line of drawn({ columns: 20, rows: 24 })) {
      expect(line.length).toBeLessThanOrEqual(20);
    }
  });
});

describe("rowsOf", () => {
  it("counts lines twice that a narrower terminal has broken in two", () => {
    expect(rowsOf([0, 10, 11], 10)).toBe(4);
  });
});
