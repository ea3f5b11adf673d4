import { describe, expect, it } from "vitest";
import { settle } from "../../demo/settlement.ts";

describe("settle", () => {
  it("finds nothing lost when all that was claimed is there", () => {
    expect(settle(["a", "b"], ["a", "b"])).toEqual({
      claimed: 2,
      found: 2,
      lost: [],
      unclaimed: [],
    });
  });

  it("does not let an unclaimed update hide a lost one", () => {
    const { lost, unclaimed } = settle(["a", "b"], ["a", "c"]);

    expect(lost).toEqual(["b"]);
    expect(unclaimed).toEqual(["c"]);
  });
});
