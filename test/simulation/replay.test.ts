import { describe, expect, it } from "vitest";
import { drawPlan } from "./plan.ts";
import { World } from "./world.ts";

describe("the simulator", () => {
  it("takes the same course each time with one seed, and another with another", async () => {
    const hashes: string[] = [];
    for (const seed of [7, 7, 8]) hashes.push((await new World(drawPlan(seed)).live()).hash);

    const [first, again, other] = hashes;
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });
});
