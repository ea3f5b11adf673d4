import { describe, expect, it } from "vitest";
import type { HistoryEvent, PartyEvent } from "../../src/testkit/history/event.ts";
import { barrierRounds, type PartyEntry } from "../support/history/barrier-rounds.ts";
import { together } from "../support/history/together.ts";

/** A history from lines such as "1/a comes", "1 dies" or "everybody waits"; two have to come to x. */
function told(...lines: readonly string[]): readonly HistoryEvent[] {
  return lines.map((line, at): HistoryEvent => {
    const [who = "", ...words] = line.split(" ");
    const kind = words.join(" ");
    if (kind === "dies") return { at, who, kind: "died" };
    if (kind === "waits") return { at, who, kind: "lull" };
    return { at, who, name: "x", parties: 2, kind: kind as PartyEvent["kind"] };
  });
}

describe("together", () => {
  const bothIn = ["1/a comes", "2/a comes", "1/a enters", "2/a enters"];
  const bothOut = ["1/a wants out", "2/a wants out", "1/a is out", "2/a is out"];

  it.each([
    ["a round", [...bothIn, ...bothOut]],
    ["two rounds", [...bothIn, ...bothOut, ...bothIn, ...bothOut]],
    ["one who quits alone", ["1/a comes", "everybody waits", "1/a quits"]],
    ["who leaves those alone that died", [...bothIn, "2 dies", "1/a wants out", "1/a is out"]],
    [
      "who went in with one that died",
      ["1/a comes", "2/a comes", "2 dies", "1/a enters", "1 dies"],
    ],
    [
      "who is told late that it is in",
      ["1/a comes", "2/a comes", "1/a enters", "1/a wants out", "2/a enters", ...bothOut.slice(1)],
    ],
    [
      "who comes before those before it are told that they are out",
      [
        ...[...bothIn, "3/a comes", "4/a comes", "1/a wants out", "2/a wants out"],
        ...["3/a enters", "4/a enters", "1/a is out", "2/a is out", "3/a wants out"],
        ...["4/a wants out", "3/a is out", "4/a is out"],
      ],
    ],
  ])("lets %s pass", (_, lines) => {
    expect(together(told(...lines), { lingerMs: 5 })).toBeUndefined();
  });

  it.each([
    ["one who got in alone", ["1/a comes", "1/a enters", "2/a comes"], "before all had come"],
    [
      "one who got in after the other one had quit",
      ["2/a comes", "2/a quits", "1/a comes", "1/a enters"],
      "before all had come",
    ],
    [
      "one who got in long after the other one had died",
      ["2/a comes", "2 dies", ...Array(6).fill("9 waits"), "1/a comes", "1/a enters", "1 dies"],
      "before all had come",
    ],
    [
      "one who got out alone",
      [...bothIn, "1/a wants out", "1/a is out", "2/a wants out", "2/a is out"],
      "before all wanted to",
    ],
    [
      "two who wait for each other",
      ["1/a comes", "2/a comes", "everybody waits"],
      "have come, but",
    ],
    ["two who wait to this day", ["1/a comes", "2/a comes"], "have come, but wait"],
    [
      "one who can't get out",
      [...bothIn, "2 dies", "1/a wants out", "everybody waits"],
      "want out",
    ],
  ])("finds %s", (_, lines, wrong) => {
    expect(together(told(...lines), { lingerMs: 5 })).toContain(wrong);
  });
});

describe("barrierRounds", () => {
  const entry = (
    who: string,
    cameAt: bigint,
    insideAt?: bigint,
    leavingAt?: bigint,
    removedAt?: bigint,
  ): PartyEntry => ({ name: "x", who, parties: 2, cameAt, insideAt, leavingAt, removedAt });

  it.each([
    ["a round", [entry("1", 1n, 3n, 5n, 7n), entry("2", 2n, 4n, 6n, 8n)]],
    ["one who waits", [entry("1", 1n)]],
    ["one who gave up", [entry("1", 1n, undefined, undefined, 2n)]],
    [
      "the next round",
      [
        ...[entry("1", 1n, 3n, 5n, 7n), entry("2", 2n, 4n, 6n, 8n)],
        ...[entry("1", 9n, 11n), entry("2", 10n, 12n)],
      ],
    ],
    [
      "one whose partner gave up at the door",
      [entry("1", 1n, 4n, 5n, 6n), entry("2", 2n, undefined, undefined, 3n)],
    ],
    ["one whose partner died", [entry("1", 1n, 4n, 6n, 7n), entry("dead", 2n, 3n, undefined, 5n)]],
  ])("lets %s pass", (_, entries) => {
    expect(barrierRounds(entries, told("dead dies"))).toBeUndefined();
  });

  it.each([
    ["one who went in alone", [entry("1", 1n, 2n), entry("2", 3n)], "before all were there"],
    [
      "one who went in though the other one had gone before it came",
      [entry("2", 1n, undefined, undefined, 2n), entry("1", 3n, 4n)],
      "before all were there",
    ],
    [
      "one who went out alone",
      [entry("1", 1n, 3n, 5n, 6n), entry("2", 2n, 4n, 7n, 8n)],
      "before all wanted to",
    ],
    [
      "one who went out before the other one was in",
      [entry("1", 1n, 3n, 4n, 5n), entry("2", 2n)],
      "before all had been in",
    ],
    [
      "a round that began before the last one was gone",
      [
        ...[entry("1", 1n, 3n, 5n, 7n), entry("2", 2n, 4n, 6n, 14n)],
        ...[entry("1", 8n, 10n, 12n), entry("3", 9n, 11n, 13n)],
      ],
      "More were inside",
    ],
  ])("finds %s", (_, entries, wrong) => {
    expect(barrierRounds(entries, [])).toContain(wrong);
  });
});
