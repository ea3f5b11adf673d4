import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonOf } from "../../src/cli/io.ts";
import { visible } from "../../src/cli/show/visible.ts";

// Built by numbers: whoever reads this file shall see them, too.
const csi = String.fromCharCode(0x9b);
const override = String.fromCharCode(0x202e);
const harmless = /^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]*$/u;

const codeUnit = fc.oneof(
  fc.integer({ min: 0, max: 0xa0 }),
  fc.integer({ min: 0x2000, max: 0x2070 }),
  fc.integer({ min: 0, max: 0xffff }),
);

describe("visible", () => {
  it("writes what would move the cursor or turn the text as its code", () => {
    expect(visible("a\u001b[31mb\nc\td")).toBe("a\\x1b[31mb\\nc\\td");
    expect(visible(`${csi}2J${override}x\u007f`)).toBe("\\x9b2J\\u{202e}x\\x7f");
    expect(visible("\ud800")).toBe("\\u{d800}");
  });

  it("leaves all scripts and pictures as they are", () => {
    const text = 'naïve 名前 한국어 שלום 👩‍👩‍👧 \\ "quoted" 100%';
    expect(visible(text)).toBe(text);
  });

  it("lets nothing harmful through, whatever others wrote; and JSON stays what it is", () => {
    fc.assert(
      fc.property(fc.array(codeUnit, { maxLength: 30 }), (units) => {
        const text = String.fromCharCode(...units);
        expect(visible(text)).toMatch(harmless);
        const json = jsonOf({ [text]: text });
        expect(json).toMatch(harmless);
        expect(JSON.parse(json)).toEqual({ [text]: text });
      }),
    );
    expect(JSON.parse(jsonOf([`${csi}${override}`]))).toEqual([`${csi}${override}`]);
  });
});
