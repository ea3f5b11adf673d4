import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../src/testkit/history/event.ts";
import { requestsOf } from "../../src/testkit/history/request.ts";
import type { Entry } from "../../src/testkit/history/server-side.ts";
import { allOrNothing } from "../support/history/all-or-nothing.ts";
import { scripted, scriptedRequests } from "../support/history/scripted.ts";

const order = ["asked", "got", "left"];
const entry = (name: string, token: bigint, removedAt: bigint | undefined): Entry => ({
  ...{ who: "1/a", name, names: ["x", "y"], mode: "exclusive", permits: 1 },
  ...{ token, sharesSince: undefined, removedAt, seenRemovedAt: Number.POSITIVE_INFINITY },
});

describe("allOrNothing", () => {
  it.each([
    ["gets both", ["1/a asks x and y", "1/a gets 1", "1/a leaves"]],
    ["gives up", ["1/a asks x and y", "1/a gives up"]],
    ["dies while it waits", ["1/a asks x and y", "1 dies"]],
    ["gets one after the other", ["1/a asks x", "1/a gets 1", "1/a leaves", "1/a asks y"]],
  ])("lets one pass who %s", (_, lines) => {
    expect(allOrNothing(scriptedRequests(lines), [])).toBeUndefined();
  });

  it.each([
    ["has but one", "got"],
    ["asked for but one", "asked"],
    ["let go of but one", "left"],
  ])("finds one who %s", (_, missing) => {
    const isMissing = (event: HistoryEvent): boolean =>
      "name" in event && event.name === "y" && order.indexOf(event.kind) >= order.indexOf(missing);
    const history = scripted("1/a asks x and y", "1/a gets 1", "1/a leaves");

    const requests = requestsOf(history.filter((event) => !isMissing(event)));

    expect(allOrNothing(requests, [])).toMatch(/got a part:/);
  });

  it("lets one pass who died before it had told all", () => {
    const history = scripted("1/a asks x and y", "1/a gets 1", "1 dies").filter(
      (event) => !("name" in event) || event.name === "x",
    );

    expect(allOrNothing(requestsOf(history), [])).toBeUndefined();
  });

  it.each([
    ["that stand", [entry("x", 5n, undefined), entry("y", 5n, undefined)]],
    ["that came and went together", [entry("x", 5n, 7n), entry("y", 5n, 7n)]],
  ])("lets entries pass %s", (_, entries) => {
    expect(allOrNothing([], entries)).toBeUndefined();
  });

  it.each([
    ["one without the other", [entry("x", 5n, 7n)]],
    ["two that came one after the other", [entry("x", 5n, 7n), entry("y", 6n, 7n)]],
    ["two that went one after the other", [entry("x", 5n, 7n), entry("y", 5n, 8n)]],
    ["one that stays", [entry("x", 5n, 7n), entry("y", 5n, undefined)]],
  ])("finds %s", (_, entries) => {
    expect(allOrNothing([], entries)).toMatch(/stood there in parts:/);
  });
});
