import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Column, headOf, layoutOf, lineOf } from "../../src/cli/show/table.ts";
import { cut, pad, widthOf } from "../../src/cli/show/width.ts";
import { painted, plain } from "../../src/cli/text.ts";

describe("widthOf", () => {
  it("counts what a terminal does", () => {
    for (const [text, width] of [
      ["", 0],
      ["lock", 4],
      ["名前", 4],
      ["한", 2],
      ["e\u0301", 1],
      ["👩‍👩‍👧", 2],
      ["🇩🇪", 2],
      ["❤️", 2],
      ["ﾊﾝ", 2],
      ["…", 1],
    ] as const) {
      expect([text, widthOf(text)]).toEqual([text, width]);
    }
  });
});

describe("cut and pad", () => {
  it("cut between characters, and never come out wider", () => {
    expect(cut("名前の", 5)).toBe("名前…");
    expect(cut("名前の", 4)).toBe("名…");
    expect(cut("lock", 4)).toBe("lock");
    expect(cut("lock", 0)).toBe("");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(30), (text, columns) => {
        expect(widthOf(cut(text, columns))).toBeLessThanOrEqual(columns);
        expect(widthOf(pad(cut(text, columns), columns))).toBe(columns);
      }),
    );
  });
});

describe("a table", () => {
  const columns: readonly Column[] = [
    { title: "NAME", atLeast: 6 },
    { title: "WHO", atLeast: 6 },
    { title: "N", align: "right", dispensable: 1 },
    { title: "REASON", atLeast: 6, dispensable: 2 },
  ];
  const rowOf = (...texts: readonly string[]) => texts.map((text) => ({ text }));
  const shown = (rows: readonly (readonly string[])[], room: number): readonly string[] => {
    const cells = rows.map((row) => rowOf(...row));
    const layout = layoutOf(columns, cells, room);
    const lines = [headOf(columns, layout), ...cells.map((row) => lineOf(row, columns, layout))];
    return lines.map((line) => painted(line, plain));
  };

  it("is as wide as it needs to be, and has numbers to the right", () => {
    expect(
      shown(
        [
          ["a", "web-1", "7", "backup"],
          ["名前", "w", "1234", ""],
        ],
        80,
      ),
    ).toEqual(["NAME  WHO       N  REASON", "a     web-1     7  backup", "名前  w      1234"]);
  });

  it("first takes room from the widest column, then leaves out what can be done without", () => {
    const row = ["a-rather-long-name", "web-1:4242", "12", "a long story indeed"];
    expect(shown([row], 40)).toEqual([
      "NAME         WHO          N  REASON",
      "a-rather-l…  web-1:4242  12  a long sto…",
    ]);
    expect(shown([row], 24)[1]).toBe("a-rather…  web-1:42…  12");
    expect(shown([row], 16)[1]).toBe("a-rath…  web-1:…");
  });

  it("fits, whatever is in it, once it has room for what it cannot do without", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text, text, text), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 14, max: 100 }),
        (rows, room) => {
          for (const line of shown(rows, room)) expect(widthOf(line)).toBeLessThanOrEqual(room);
        },
      ),
    );
  });
});
