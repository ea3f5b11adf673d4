import { describe, expect, it } from "vitest";
import { clip, coloured, painted, plain, wrap } from "../../src/cli/text.ts";

describe("clip", () => {
  it("cuts by what is seen, and leaves colours whole", () => {
    const line = clip([{ text: "lock " }, { text: "holding", tone: "good" }], 9);

    expect(painted(line, plain)).toBe("lock hol…");
    expect(painted(line, coloured)).toBe("lock \u001b[32mhol…\u001b[0m");
  });

  it("leaves a line alone that just fits", () => {
    expect(painted(clip([{ text: "lock " }, { text: "held" }], 9), plain)).toBe("lock held");
  });
});

describe("wrap", () => {
  it("breaks at spaces, and keeps the indent", () => {
    expect(wrap("  one two three", 9)).toEqual(["  one two", "  three"]);
  });

  it("lets only a word that is too long stick out", () => {
    expect(wrap("a /very/long/path b", 8)).toEqual(["a", "/very/long/path", "b"]);
  });
});
