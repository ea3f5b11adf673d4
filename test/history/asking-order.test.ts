import { describe, expect, it } from "vitest";
import { askingOrder } from "../support/history/asking-order.ts";
import { scriptedRequests } from "../support/history/scripted.ts";

describe("askingOrder", () => {
  it.each([
    ["one after another", ["1/a asks", "1/b asks", "1/a gets 1", "1/a leaves", "1/b gets 2"]],
    ["another process", ["1/a asks", "2/b asks", "2/b gets 1", "2/b leaves", "1/a gets 2"]],
    [
      "another life of the process",
      ["1.1/a asks", "1.2/b asks", "1.2/b gets 1", "1.2/b leaves", "1.1/a gets 2"],
    ],
    [
      "one that does not wait",
      ["1/a asks", "1/b asks without waiting", "1/b gets 1", "1/b leaves", "1/a gets 2"],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(askingOrder(scriptedRequests(lines))).toBeUndefined();
  });

  it("finds two who joined in another order than they asked in", () => {
    const requests = scriptedRequests([
      "1/a asks",
      "1/b asks",
      "1/b gets 1",
      "1/b leaves",
      "1/a gets 2",
    ]);

    expect(askingOrder(requests)).toMatch(/asked in one order and queued in another:/);
  });
});
