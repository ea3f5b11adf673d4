import { describe, expect, it } from "vitest";
import { lingering } from "../support/history/lingering.ts";
import { scriptedRequests } from "../support/history/scripted.ts";

const capacity = 3;

describe("lingering", () => {
  it.each([
    [
      "a turn after the work of one that was lost has stopped",
      ["1/a asks to linger", "1/a gets 1", "2/a asks", "8: 1/a loses since 6", "9: 2/a gets 2"],
    ],
    [
      "a turn before that of one that did not ask for it",
      ["1/a asks", "1/a gets 1", "2/a asks", "8: 2/a gets 2", "9: 1/a loses since 7"],
    ],
    [
      "a reader beside a reader that was lost",
      [
        ...["1/a asks to read to linger", "1/a gets 1", "2/a asks to read", "8: 2/a gets 2"],
        "9: 1/a loses since 7",
      ],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(lingering(scriptedRequests(lines), capacity)).toBeUndefined();
  });

  it.each([
    ["a holder", ["1/a asks to linger", "1/a gets 1", "2/a asks"]],
    ["a reader", ["1/a asks to read to linger", "1/a gets 1", "2/a asks to write"]],
    [
      "one with permits",
      ["1/a asks for 2 permits to linger", "1/a gets 1", "2/a asks for 2 permits"],
    ],
  ])("finds one that got in while the work of %s that was lost went on", (_, lines) => {
    const requests = scriptedRequests([...lines, "8: 2/a gets 2", "9: 1/a loses since 7"]);
    expect(lingering(requests, capacity)).toMatch(/^Before the work of one that was lost/);
  });
});
