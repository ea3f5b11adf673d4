import { expect, it } from "vitest";
import { kindOf } from "./failing.ts";

it("tells promises apart by how their stories begin", () => {
  const late = "Free since 12.5 ms, but let in late:\n  1.1/a asked for x";
  expect(kindOf(late)).toBe(kindOf("Free since 70 ms, but let in late:\n  2.1/b asked for y"));
  expect(kindOf("This was left behind: a, b")).toBe(kindOf("This was left behind: c"));
  expect(kindOf(late)).not.toBe(kindOf("A token did not rise:\n  1.1/a asked for x"));
});
