import { describe, expect, it } from "vitest";
import { Guard } from "../../demo/guard.ts";

describe("Guard", () => {
  it("admits the token that it saw last, and larger ones", () => {
    const guard = new Guard();
    guard.see(7n);

    expect(guard.admits(7n)).toBe(true);
    expect(guard.admits(8n)).toBe(true);
  });

  it("refuses every token below the highest that it has seen, in whatever order they came", () => {
    const guard = new Guard();
    guard.see(7n);
    guard.see(5n);

    expect(guard.highest).toBe(7n);
    expect(guard.admits(6n)).toBe(false);
  });
});
