import { describe, expect, it } from "vitest";
import { noLostWakeUp } from "../../../src/testkit/history/no-lost-wake-up.ts";
import { nothingLeft } from "../../../src/testkit/history/nothing-left.ts";
import { requestsOf } from "../../../src/testkit/history/request.ts";
import { scripted } from "../../support/history/scripted.ts";

const bounds = { wakeMs: 100, expiryMs: 1_000 };
const check = (lines: readonly string[]): string | undefined => {
  const events = scripted(...lines);
  return noLostWakeUp({ requests: requestsOf(events), events, bounds });
};

describe("noLostWakeUp", () => {
  it.each([
    ["who gets in soon", ["1/a asks", "90: 1/a gets 1", "1/a leaves"]],
    ["who gives up", ["1/a asks", "900: 1/a gives up"]],
    ["who dies waiting", ["1/a asks", "900: 1 dies"]],
    [
      "who gets in soon after the one before",
      ["1/a asks", "2/a asks", "1/a gets 1", "500: 1/a leaves", "590: 2/a gets 2", "2/a leaves"],
    ],
    [
      "who waits for the lease of one that died",
      ["1/a asks", "2/a asks", "1/a gets 1", "500: 1 dies", "1590: 2/a gets 2", "2/a leaves"],
    ],
    [
      "who waits for the lease of one that was lost",
      [
        ...["1/a asks", "2/a asks", "1/a gets 1"],
        ...["1490: 2/a gets 2", "2/a leaves", "1600: 1/a loses since 400"],
      ],
    ],
    [
      "who waits for one that stopped before its release was sent",
      [
        ...["1/a asks", "2/a asks", "1/a gets 1", "500: 1/a leaves", "1 stops"],
        ...["1400: 2/a gets 2", "2/a leaves", "3000: 1 goes on"],
      ],
    ],
    [
      "who waits for one that gave up, wherever that stood",
      ["1/a asks", "2/a asks", "500: 1/a gives up", "590: 2/a gets 2", "2/a leaves"],
    ],
    [
      "who got one lock soon after the other, for which it waited long",
      [
        ...["1/a asks y", "2/a asks x and y", "1/a gets 1", "500: 1/a leaves"],
        ...["590: 2/a gets 2", "2/a leaves"],
      ],
    ],
    [
      "who was waiting at a lull for one that held then",
      [
        ...["1/a asks", "2/a asks", "1/a gets 1", "everybody waits", "1/a leaves"],
        ...["2/a gets 2", "2/a leaves"],
      ],
    ],
    [
      "who was waiting at a lull for another lock",
      [
        ...["1/a asks y", "2/a asks x and y", "1/a gets 1", "everybody waits", "1/a leaves"],
        ...["2/a gets 2", "2/a leaves"],
      ],
    ],
    [
      "a reader who got in after a lull, as a writer became one",
      [
        ...["1/a asks to write", "2/a asks to read", "1/a gets 1", "everybody waits"],
        ...["1/a shares", "2/a gets 2", "2/a leaves", "1/a leaves"],
      ],
    ],
    [
      "who stood still itself",
      [
        "1/a asks",
        "2/a asks",
        "1/a gets 1",
        "1/a leaves",
        "2 stops",
        "600: 2 goes on",
        "2/a gets 2",
        "2/a leaves",
      ],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(check(lines)).toBeUndefined();
  });

  it.each([
    ["who never got in", ["1/a asks", "1/a gets 1", "2/a asks", "1/a leaves"], "waits to this day"],
    ["who never left", ["1/a asks", "1/a gets 1"], "has it to this day"],
    ["who got a free lock late", ["1/a asks", "900: 1/a gets 1", "1/a leaves"], "let in late"],
    [
      "who got in late after the one before",
      ["1/a asks", "2/a asks", "1/a gets 1", "500: 1/a leaves", "700: 2/a gets 2", "2/a leaves"],
      "Free since 500 ms",
    ],
    [
      "who got in late after the lease of one that died",
      ["1/a asks", "2/a asks", "1/a gets 1", "500: 1 dies", "1700: 2/a gets 2", "2/a leaves"],
      "Free since 1500 ms",
    ],
    [
      "who got in late though the other one stood behind it",
      [
        ...["1/a asks", "2/a asks", "900: 1/a gets 1", "1/a leaves"],
        ...["950: 2/a gets 2", "2/a leaves"],
      ],
      "1/a asked",
    ],
    [
      "who got in late after both locks were free",
      [
        ...["1/a asks y", "2/a asks x and y", "1/a gets 1", "500: 1/a leaves"],
        ...["700: 2/a gets 2", "2/a leaves"],
      ],
      "Free since 500 ms",
    ],
    [
      "who got in late though the writer in its way had become a reader",
      [
        ...["1/a asks to write", "2/a asks to read", "1/a gets 1", "500: 1/a shares"],
        ...["700: 1/a leaves", "2/a gets 2", "2/a leaves"],
      ],
      "Free since 500 ms",
    ],
    [
      "who was waiting at a lull for nobody",
      [
        ...["1/a asks", "2/a asks", "1/a gets 1", "1/a leaves", "everybody waits"],
        ...["2/a gets 2", "2/a leaves"],
      ],
      "Free since 4 ms",
    ],
    [
      "who was waiting at a lull for a writer that had become a reader",
      [
        ...["1/a asks to write", "2/a asks to read", "1/a gets 1", "1/a shares"],
        ...["everybody waits", "1/a leaves", "2/a gets 2", "2/a leaves"],
      ],
      "Free since 4 ms",
    ],
    [
      "who got in late, whoever asked after that",
      ["1/a asks", "900: 1/a gets 1", "1/a leaves", "2/a asks", "2/a gives up"],
      "1/a asked",
    ],
  ])("finds one %s", (_, lines, told) => {
    expect(check(lines)).toContain(told);
  });
});

describe("nothingLeft", () => {
  it("lists what was left behind", () => {
    expect(nothingLeft({ leftovers: [] })).toBeUndefined();
    expect(nothingLeft({ leftovers: ["a key", "a lease"] })).toBe(
      "This was left behind: a key, a lease",
    );
  });
});
