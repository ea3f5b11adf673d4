import { describe, expect, it } from "vitest";
import type { HistoryEvent, LatchEvent, RequestEvent } from "../../src/testkit/history/event.ts";
import { requestsOf } from "../../src/testkit/history/request.ts";
import { oncePerTick } from "../support/history/once-per-tick.ts";
import { openLatches } from "../support/history/open-latches.ts";
import { scripted } from "../support/history/scripted.ts";

describe("openLatches", () => {
  /** From lines such as "1/a counts", "1/a counted 1" or "1 dies"; x has to be counted down twice. */
  const told = (lines: readonly string[]): readonly HistoryEvent[] =>
    lines.map((line, at): HistoryEvent => {
      const [, who = "", kind = "", left] = /^(\S+) (.*?)(?: (\d))?$/.exec(line) ?? [];
      if (kind === "dies") return { at, who, kind: "died" };
      if (kind === "rests") return { at, who, kind: "lull" };
      const event = { at, who, name: "x", total: 2, kind: kind as LatchEvent["kind"] };
      return left === undefined ? event : { ...event, left: Number(left) };
    });
  const opened = ["1/a counts", "1/a counted 1", "2/a counts", "2/a counted 0"];

  it.each([
    ["one who passes when it is open", [...opened, "3/a waits", "3/a passes"]],
    [
      "one who passes before the last one is told",
      ["3/a waits", ...opened.slice(0, 3), "3/a passes"],
    ],
    ["one who turns away", ["3/a waits", "everybody rests", "3/a turns away", ...opened]],
    ["one who dies waiting", ["3/a waits", "3 dies", ...opened, "everybody rests"]],
    ["a count on an open latch", [...opened, "3/a counts", "3/a counted 0"]],
    ["two who count at once", ["1/a counts", "2/a counts", "1/a counted 0", "2/a counted 0"]],
    ["a count that may have happened", ["1/a counts", "1 dies", "2/a counts", "2/a counted 0"]],
    ["a count that may not have happened", ["1/a counts", "1 dies", "2/a counts", "2/a counted 1"]],
  ])("lets %s pass", (_, lines) => {
    expect(openLatches(told(lines), { wakeMs: 3 })).toBeUndefined();
  });

  it.each([
    ["who passes too early", [...opened.slice(0, 2), "3/a waits", "3/a passes"], "before it was"],
    [
      "who waits at an open one",
      ["3/a waits", ...opened, "everybody rests", "3/a passes"],
      "though",
    ],
    [
      "who waits for too long",
      ["3/a waits", ...opened, "4/a counts", "4/a counted 0", "3/a passes"],
      "though",
    ],
    ["who waits to this day", ["3/a waits", ...opened], "though it is open"],
    ["whose count is lost", [...opened.slice(0, 3), "2/a counted 1"], "but 0 to 0 are"],
    ["whose count counts twice", ["1/a counts", "1/a counted 0"], "but 1 to 1 are"],
  ])("finds one %s", (_, lines, wrong) => {
    expect(openLatches(told(lines), { wakeMs: 3 })).toContain(wrong);
  });
});

describe("oncePerTick", () => {
  const check = (lines: readonly string[], minHoldMs = 0): string | undefined => {
    const history = scripted(...lines).map((event) =>
      "mode" in event ? { ...event, windowMs: 100, minHoldMs, why: "ALREADY_LOCKED" } : event,
    );
    return oncePerTick(requestsOf(history as readonly (HistoryEvent & RequestEvent)[]));
  };
  const done = ["1/a asks", "1/a gets 1", "5: 1/a leaves"];

  it.each([
    ["one who does it, and one who comes in vain", [...done, "2/a asks", "2/a gives up"]],
    ["the next tick", [...done, "101: 2/a asks", "2/a gets 2"]],
    [
      "the next tick after a death",
      ["1/a asks", "1/a gets 1", "1 dies", "101: 2/a asks", "2/a gets 2"],
    ],
    ["another name", [...done, "2/a asks y", "2/a gets 2"]],
  ])("lets %s pass", (_, lines) => {
    expect(check(lines)).toBeUndefined();
  });

  it.each([
    ["a second one", [...done, "2/a asks", "2/a gets 2"], 0, "done twice"],
    [
      "a second one just before the tick is over",
      [...done, "2/a asks", "100: 2/a gets 2"],
      0,
      "done twice",
    ],
    [
      "one who did what a dead one began",
      ["1/a asks", "1/a gets 1", "1 dies", "2/a asks", "2/a gets 2"],
      0,
      "done twice",
    ],
    [
      "one who came before it was held for long enough",
      [...done, "2/a asks", "200: 2/a gets 2"],
      200,
      "done twice",
    ],
    ["a tick that nobody did", ["1/a asks", "1/a gives up"], 0, "All were told"],
  ])("finds %s", (_, lines, minHoldMs, wrong) => {
    expect(check(lines, minHoldMs)).toContain(wrong);
  });
});
