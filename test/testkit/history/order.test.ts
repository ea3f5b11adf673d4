import { describe, expect, it } from "vitest";
import { firstComeFirstServed } from "../../../src/testkit/history/first-come-first-served.ts";
import { risingTokens } from "../../../src/testkit/history/rising-tokens.ts";
import { scriptedRequests } from "../../support/history/scripted.ts";

const told = (lines: readonly string[], capacity: number) => ({
  requests: scriptedRequests(lines),
  capacityOf: () => capacity,
});

describe("firstComeFirstServed", () => {
  it.each([
    ["turns", ["1/a asks", "2/a asks", "2/a gets 1", "2/a leaves", "1/a gets 2"]],
    ["who gave up before its turn", ["1/a asks", "2/a asks", "1/a gives up", "2/a gets 2"]],
    [
      "readers that are told in another order",
      ["1/a asks to read", "2/a asks to read", "2/a gets 2", "1/a gets 1"],
    ],
    [
      "a reader past a writer that came later",
      ["1/a asks to read", "2/a asks to write", "1/a gets 1", "1/a leaves", "2/a gets 2"],
    ],
    [
      "a reader past a writer that has become one",
      [
        ...["1/a asks to write", "1/a gets 1", "2/a asks to read", "1/a shares"],
        ...["2/a gets 2", "1/a leaves"],
      ],
    ],
    [
      "one who came later, of another lock, past one of two",
      ["1/a asks x and y", "2/a asks y", "2/a gets 1", "2/a leaves", "1/a gets 2"],
    ],
    [
      "permits that fit in beside a waiter that fits in too",
      [
        ...["1/a asks for 1 permits", "1/a gets 1", "2/a asks for 1 permits"],
        ...["3/a asks for 1 permits", "3/a gets 3", "2/a gets 2"],
      ],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(firstComeFirstServed(told(lines, 3))).toBeUndefined();
  });

  it.each([
    [
      "one who got in past an earlier one",
      ["1/a asks", "2/a asks", "2/a gets 2", "2/a leaves", "1/a gets 1"],
    ],
    [
      "a reader who got in past a waiting writer",
      [
        ...[
          "1/a asks to read",
          "1/a gets 1",
          "2/a asks to write",
          "3/a asks to read",
          "3/a gets 3",
        ],
        ...["1/a leaves", "3/a leaves", "2/a gets 2"],
      ],
    ],
    [
      "a reader who got in past a writer that waits for one that has become a reader",
      [
        ...["1/a asks to write", "1/a gets 1", "2/a asks to write", "3/a asks to read"],
        ...["1/a shares", "3/a gets 3", "1/a leaves", "3/a leaves", "2/a gets 2"],
      ],
    ],
    [
      "one who got in past another that waits in the queue of another lock as well",
      ["1/a asks x and y", "2/a asks y", "2/a gets 2", "2/a leaves", "1/a gets 1"],
    ],
    [
      "a writer who got in past a reader that was about to be told",
      ["1/a asks to read", "2/a asks to write", "2/a gets 2", "2/a leaves", "1/a gets 1"],
    ],
    [
      "a small one who got in past a large one that waited",
      [
        ...["1/a asks for 2 permits", "1/a gets 1", "2/a asks for 2 permits"],
        ...["3/a asks for 1 permits", "3/a gets 3", "1/a leaves", "3/a leaves", "2/a gets 2"],
      ],
    ],
  ])("finds %s", (_, lines) => {
    expect(firstComeFirstServed(told(lines, 3))).toMatch(/got in past those/);
  });
});

describe("risingTokens", () => {
  it.each([
    ["rising ones", ["1/a asks", "1/a gets 1", "1/a leaves", "2/a asks", "2/a gets 2"]],
    ["equal ones of two locks", ["1/a asks", "1/a gets 1", "2/a asks y", "2/a gets 1"]],
    [
      "readers that are told in another order",
      ["1/a asks to read", "1/a gets 2", "2/a asks to read", "2/a gets 1"],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(risingTokens(told(lines, 1))).toBeUndefined();
  });

  it.each([
    ["a smaller one", ["1/a asks", "1/a gets 2", "1/a leaves", "2/a asks", "2/a gets 1"]],
    ["the same again", ["1/a asks", "1/a gets 2", "1/a leaves", "2/a asks", "2/a gets 2"]],
    [
      "the same of two readers",
      ["1/a asks to read", "1/a gets 2", "2/a asks to read", "2/a gets 2"],
    ],
    [
      "one that is smaller than that of the writer before the last reader",
      [
        ...["1/a asks to write", "1/a gets 3", "1/a leaves", "2/a asks to read", "2/a gets 4"],
        ...["3/a asks to read", "3/a gets 2"],
      ],
    ],
    [
      "a smaller one of a lock that was lost",
      ["1/a asks", "1/a gets 5", "9: 1/a loses since 4", "2/a asks", "2/a gets 1"],
    ],
    [
      "a writer's that is smaller than one of the readers before",
      [
        ...["1/a asks to read", "1/a gets 4", "2/a asks to read", "2/a gets 2"],
        ...["3/a asks to write", "3/a gets 3"],
      ],
    ],
  ])("finds %s", (_, lines) => {
    expect(risingTokens(told(lines, 1))).toMatch(/^A token did not rise:/);
  });
});
