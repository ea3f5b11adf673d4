import { describe, expect, it } from "vitest";
import { exclusion } from "../../../src/testkit/history/exclusion.ts";
import { scriptedRequests } from "../../support/history/scripted.ts";

describe("exclusion", () => {
  it.each([
    ["turns", ["1/a asks", "1/a gets 1", "2/a asks", "1/a leaves", "2/a gets 2", "2/a leaves"]],
    [
      "a turn in the very moment",
      ["1/a asks", "2/a asks", "1/a gets 1", "9: 1/a leaves", "9: 2/a gets 2"],
    ],
    ["two locks", ["1/a asks", "1/a gets 1", "2/a asks y", "2/a gets 2"]],
    ["the turn after a death", ["1/a asks", "2/a asks", "1/a gets 1", "1 dies", "2/a gets 2"]],
    [
      "the word of one who was killed just before",
      ["2/a asks", "2/a gets 1", "1/a asks", "5: 1 dies", "6: 1/a gets 2", "7: 2/a leaves"],
    ],
    [
      "a loss that is told late",
      ["1/a asks", "1/a gets 1", "2/a asks", "8: 2/a gets 2", "9: 1/a loses since 7"],
    ],
    [
      "a turn after one that was stopped, and killed before it said more",
      ["1/a asks", "1/a gets 1", "2/a asks", "1 stops", "2/a gets 2", "1 goes on", "1 dies"],
    ],
    [
      "a reader beside a writer: that is for `readersAndWriters`",
      ["1/a asks to write", "1/a gets 1", "2/a asks to read", "2/a gets 2"],
    ],
    [
      "a writer beside a reader",
      ["1/a asks to read", "1/a gets 1", "2/a asks to write", "2/a gets 2"],
    ],
    ["readers", ["1/a asks to read", "1/a gets 1", "2/a asks to read", "2/a gets 2"]],
  ])("lets %s pass", (_, lines) => {
    expect(exclusion({ requests: scriptedRequests(lines) })).toBeUndefined();
  });

  it.each([
    ["two at once", ["1/a asks", "1/a gets 1", "2/a asks", "2/a gets 2", "1/a leaves"]],
    ["two who never left", ["1/a asks", "1/a gets 1", "2/a asks", "2/a gets 2"]],
    ["two in one process", ["1/a asks", "1/a gets 1", "1/b asks", "1/b gets 2"]],
    ["two writers", ["1/a asks to write", "1/a gets 1", "2/a asks to write", "2/a gets 2"]],
    [
      "one who believed beside the next one before it was lost",
      ["1/a asks", "1/a gets 1", "2/a asks", "6: 2/a gets 2", "9: 1/a loses since 7"],
    ],
    [
      "one who got in before the holder was killed",
      ["1/a asks", "1/a gets 1", "2/a asks", "2/a gets 2", "1 dies"],
    ],
    [
      "one who got in before the holder, who went on after a stop, was killed",
      [
        ...["1/a asks", "1 stops", "1 goes on", "1/a gets 1", "2/a asks", "2/a gets 2"],
        ...["1 dies"],
      ],
    ],
    [
      "a third who came past the first while the second had left",
      ["1/a asks", "1/a gets 1", "2/a asks", "3/a asks", "2/a gets 2", "2/a leaves", "3/a gets 3"],
    ],
  ])("finds %s", (_, lines) => {
    expect(exclusion({ requests: scriptedRequests(lines) })).toMatch(/^Two held at once:/);
  });

  it("tells what happened", () => {
    const requests = scriptedRequests([
      "1/a asks",
      "1/a gets 5",
      "2/a asks",
      "2/a gets 6",
      "1/a leaves",
    ]);

    expect(exclusion({ requests })).toBe(
      [
        "Two held at once:",
        "  1/a asked for x (exclusive) at 1 ms, got it at 2 ms with token 5, left at 5 ms",
        "  2/a asked for x (exclusive) at 3 ms, got it at 4 ms with token 6, has it to this day",
      ].join("\n"),
    );
  });

  it("tells when one that was lost held for the last time", () => {
    const requests = scriptedRequests([
      ...["1/a asks", "1/a gets 5", "2/a asks", "4: 2/a gets 6", "9: 1/a loses since 7"],
      "2/a leaves",
    ]);

    expect(exclusion({ requests })).toBe(
      [
        "Two held at once:",
        "  1/a asked for x (exclusive) at 1 ms, got it at 2 ms with token 5, held it at 7 ms for the last time, and lost it",
        "  2/a asked for x (exclusive) at 3 ms, got it at 4 ms with token 6, left at 10 ms",
      ].join("\n"),
    );
  });
});
