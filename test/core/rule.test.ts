import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Entry, entryOf, withoutCompanions } from "../../src/core/entry.ts";
import { bytesOf } from "../../src/core/keys.ts";
import { companionSuffix } from "../../src/core/mode.ts";
import {
  barrierRule,
  electionRule,
  exclusiveRule,
  holdersAmong,
  permitsRule,
  type Rule,
  readRule,
  type Span,
  writeRule,
} from "../../src/core/rule.ts";

const prefix = "microlock/x/";

/** An entry as it stands in the queue at `revision`. */
function entry(suffix: string, revision: number, value = ""): Entry {
  return entryOf(prefix, {
    key: bytesOf(prefix + suffix),
    value: bytesOf(value),
    createRevision: BigInt(revision),
    modRevision: BigInt(revision),
    version: 1n,
    lease: 7n,
  });
}

const asReader = JSON.stringify({ state: "reader" });

/**
 * A queue, oldest first; "reader" behind a writer is one that has become a reader, "+" in front is
 * one with its companion, "~" one of which that is left, "±" the two in the other order.
 */
function queue(...suffixes: string[]): Entry[] {
  return suffixes.flatMap((suffix, index) => {
    const [, how = "", infix = "", state] = /^([+~±]?)(\S*) ?(\S*)$/.exec(suffix) ?? [];
    const value = state === "reader" ? asReader : "";
    const [own, companion] = [`${infix}a-${index}`, companionSuffix(`${infix}a-${index}`)].map(
      (each) => entry(each, 10 + index, value),
    ) as [Entry, Entry];
    return { "": [own], "+": [own, companion], "~": [companion], "±": [companion, own] }[how] ?? [];
  });
}

/** What blocks whoever stands behind that queue, as suffixes, newest first. */
function blocking(rule: Rule, ...suffixes: string[]): string[] {
  return rule
    .blockers(queue(...suffixes).reverse())
    .map(({ key }) => key.slice(prefix.length).replace(/a-\d+$/, ""));
}

const alone: [string, Rule][] = [
  ["exclusive", exclusiveRule],
  ["write", writeRule],
  ["election", electionRule],
];

describe.each(alone)("the %s rule", (kind, rule) => {
  it("is in its turn when nobody is ahead", () => {
    expect(rule.mode).toEqual({ kind });
    expect(blocking(rule)).toEqual([]);
  });

  it.each(["", "read/", "write/", "write/ reader", "elect/", "kept/", "permits/3/1/", "what/"])(
    "waits for an entry %j",
    (ahead) => {
      expect(blocking(rule, ahead)).toEqual([ahead.split(" ")[0]]);
    },
  );

  it("waits for the last one ahead only, so that a removal wakes one", () => {
    expect(blocking(rule, "", "read/", "write/")).toEqual(["write/"]);
    expect(rule.lookback).toBe(1);
  });
});

describe("the read rule", () => {
  it.each<[string[], string[]]>([
    [[], []],
    [["read/"], []],
    [["read/", "read/", "read/"], []],
    [["+read/", "~read/"], []],
    [["~write/"], ["write/kept-"]],
    [["~"], ["kept-"]],
    [["+write/ reader"], []],
    [["~permits/2/1/"], ["kept-permits/2/1/"]],
    [["write/"], ["write/"]],
    [["write/ reader"], []],
    [["write/ reader", "read/"], []],
    [["write/ reader", "write/"], ["write/"]],
    [["read/", "write/", "read/"], ["write/"]],
    [["write/", "write/"], ["write/"]],
    [[""], [""]],
    [["read/", ""], [""]],
    [["elect/"], ["elect/"]],
    [["kept/"], ["kept/"]],
    [["permits/2/1/"], ["permits/2/1/"]],
    [["latch/2/"], ["latch/2/"]],
    [["no/idea/"], ["no/idea/"]],
  ])("behind %j waits for %j", (ahead, expected) => {
    expect(blocking(readRule, ...ahead)).toEqual(expected);
  });

  it("does not take anybody for a reader whose key does not say so", () => {
    const claims = [entry("a-1", 10, asReader), entry("elect/a-2", 11, asReader)];
    for (const claim of claims) expect(readRule.blockers([claim])).toEqual([claim]);
  });

  it("looks everywhere but among the readers", () => {
    const seen = (suffix: string): boolean => isIn(readRule.outlook, suffix);
    expect(["read/a-1", "read/", "read/\uffff"].filter(seen)).toEqual([]);
    const others = ["a-1", "0", "f", "reac/", "read", "reada", "read0", "write/a", "zzz", "\uffff"];
    expect(others.filter(seen)).toEqual(others);
  });
});

describe("the permits rule", () => {
  it.each<[number, number, string[], number]>([
    [1, 1, [], 0],
    [1, 1, ["permits/1/1/"], 1],
    [2, 1, ["permits/2/1/"], 0],
    [2, 1, ["permits/2/1/", "permits/2/1/"], 2],
    [2, 1, ["permits/2/1/", "permits/2/1/", "permits/2/1/"], 2],
    [2, 2, ["permits/2/1/"], 1],
    [3, 2, ["permits/3/1/"], 0],
    [3, 2, ["permits/3/1/", "permits/3/1/"], 2],
    [3, 1, ["permits/3/3/"], 1],
    [5, 2, ["permits/5/3/"], 0],
    [5, 2, ["permits/5/3/", "permits/5/1/"], 2],
    // One who waits counts as well: it is not overtaken.
    [3, 1, ["permits/3/1/", "permits/3/3/"], 1],
    [3, 1, [""], 1],
    [3, 1, ["", "permits/3/1/"], 2],
    [3, 1, ["read/"], 1],
    [3, 1, ["kept/"], 1],
    [3, 1, ["permits/x/1/"], 1],
    // Another number: no part of it.
    [3, 1, ["permits/4/1/"], 1],
  ])("of %i, asked for %i behind %j, waits for the last %i", (total, taken, ahead, waits) => {
    const rule = permitsRule(total, taken);
    expect(blocking(rule, ...ahead)).toEqual(
      waits === 0 ? [] : [...ahead].reverse().slice(0, waits),
    );
  });

  it.each<[number, number, string[], number]>([
    [2, 1, ["+permits/2/1/"], 0],
    [2, 1, ["±permits/2/1/"], 0],
    [2, 1, ["~permits/2/1/"], 0],
    [2, 1, ["+permits/2/1/", "permits/2/1/"], 2],
    [2, 1, ["permits/2/1/", "+permits/2/1/"], 3],
    [2, 1, ["~permits/2/1/", "~permits/2/1/"], 2],
    [3, 1, ["+permits/3/1/", "±permits/3/1/"], 0],
    [3, 1, ["+permits/3/1/", "±permits/3/1/", "+permits/3/1/"], 5],
    [3, 2, ["+permits/3/2/"], 1],
    [3, 1, ["+"], 1],
    [3, 1, ["~"], 1],
    [3, 1, ["+write/"], 1],
  ])(
    "of %i, asked for %i behind %j, counts each with its companion once: waits for %i",
    (...row) => {
      const [total, taken, ahead, waits] = row;
      const entries = queue(...ahead).reverse();
      expect(permitsRule(total, taken).blockers(entries)).toEqual(entries.slice(0, waits));
    },
  );

  it("counts those of others that were made at one revision each for itself", () => {
    const made = [entry("permits/2/1/a", 10), entry("permits/2/1/b", 10)];
    expect(permitsRule(2, 1).blockers(made)).toEqual(made);
  });

  it("has to see as many as could leave it no room, and no more", () => {
    expect(permitsRule(5, 1).lookback).toBe(9);
    expect(permitsRule(5, 5).lookback).toBe(1);
    expect(permitsRule(1_000_000, 1).lookback).toBe(1_999_999);
  });

  it("has those for rivals who go by another number, and nobody else", () => {
    const isRival = (suffix: string): boolean => isIn(permitsRule(12, 1).rivals, suffix);
    const rivals = ["1", "2", "11", "13", "120", "121", "100000"].map((n) => `permits/${n}/1/a-1`);
    expect(rivals.filter(isRival)).toEqual(rivals);
    const others = ["permits/12/1/a-1", "permits/12/12/a-1", "a-1", "read/a", "latch/3/a", "zz"];
    expect(others.filter(isRival)).toEqual([]);
  });
});

describe("the barrier rule", () => {
  it("waits for nobody, and looks at nobody but those with another number", () => {
    const rule = barrierRule(3);
    expect(blocking(rule, "", "barrier/3/", "write/")).toEqual([]);
    expect(rule).toMatchObject({ lookback: 0, outlook: [] });
    const isRival = (suffix: string): boolean => isIn(rule.rivals, suffix);
    expect(["barrier/2/a", "barrier/30/a", "barrier/4/a"].every(isRival)).toBe(true);
    expect(["barrier/3/a", "latch/2/a", "a-1", "permits/2/1/a"].some(isRival)).toBe(false);
  });
});

describe("holdersAmong", () => {
  it.each<[string[], number]>([
    [[], 0],
    [[""], 1],
    [["", ""], 1],
    [["", "read/"], 1],
    [["read/", "read/", "write/", "read/"], 2],
    [["write/", "read/"], 1],
    [["write/ reader", "read/", "read/", ""], 3],
    [["elect/", "elect/"], 1],
    [["permits/3/1/", "permits/3/1/", "permits/3/1/", "permits/3/1/"], 3],
    [["permits/3/2/", "permits/3/2/", "permits/3/1/"], 1],
    [["permits/3/1/", "", "permits/3/1/"], 1],
    [["permits/3/1/", "permits/4/1/"], 1],
    [["barrier/2/", "barrier/2/", "barrier/2/"], 3],
    [["latch/2/", "latch/2/"], 2],
    [["kept/"], 1],
    [["", "kept/"], 2],
    [["kept/", ""], 1],
    [["kept/", "read/"], 1],
  ])("of %j finds %i", (suffixes, holders) => {
    expect(holdersAmong(queue(...suffixes))).toBe(holders);
  });

  it("has those that came at one revision not stand in each other's way", () => {
    const once = [entry("a-1", 10), entry("kept/b", 10)];
    expect(holdersAmong(once)).toBe(2);
    expect(holdersAmong([...once].reverse())).toBe(2);
    expect(holdersAmong([...once, entry("c-1", 11)])).toBe(2);
    expect(holdersAmong([entry("c-1", 9), ...once])).toBe(1);
  });
});

const total = 4;
const infix = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: total }).map((n) => `permits/${total}/${n}/`) },
  { weight: 4, arbitrary: fc.constant("read/") },
  fc.constantFrom("write/", "", "elect/", "kept/", "barrier/2/", "permits/9/1/", "what/ever/"),
);

// A writer that has become a reader held alone before, so it is the first in its queue.
const anyQueue = fc
  .tuple(
    fc.constantFrom([], ["write/ reader"], ["+write/ reader"]),
    fc.array(fc.tuple(fc.constantFrom("", "", "+", "±", "~"), infix), { maxLength: 9 }),
  )
  .map(([yielded, others]) =>
    queue(
      ...yielded,
      ...others.map(([how, infix]) => (/^(kept|barrier)/.test(infix) ? infix : how + infix)),
    ),
  );

/** Those ahead of one in a queue, newest first: what was made with it is not. */
function aheadOf(each: Entry, entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ createRevision }) => createRevision < each.createRevision).reverse();
}

/** The rule by which an entry waits, unless it waits for nobody. */
function ruleOf({ mode }: Entry): Rule | undefined {
  switch (mode.kind) {
    case "permits":
      return permitsRule(mode.total, mode.taken);
    case "read":
      return readRule;
    case "write":
      return writeRule;
    case "election":
      return electionRule;
    case "exclusive":
      return exclusiveRule;
    default:
      return undefined;
  }
}

/** What etcd shows of those ahead: in each part of the outlook the newest ones, as many as asked for. */
function viewOf({ outlook, lookback }: Rule, ahead: readonly Entry[]): readonly Entry[] {
  return outlook
    .flatMap((span) =>
      ahead.filter(({ key }) => isIn([span], key.slice(prefix.length))).slice(0, lookback),
    )
    .sort((a, b) => Number(b.createRevision - a.createRevision));
}

function isIn(spans: readonly Span[], suffix: string): boolean {
  const compare = (text: string): number => Buffer.compare(Buffer.from(suffix), Buffer.from(text));
  return spans.some(
    ({ from = "", to }) => compare(from) >= 0 && (to === undefined || compare(to) < 0),
  );
}

const takenBy = ({ mode }: Entry): number => (mode.kind === "permits" ? mode.taken : 0);

describe("in any queue", () => {
  it("the permits of those who hold are no more than there are", () => {
    fc.assert(
      fc.property(anyQueue, (entries) => {
        const seen = withoutCompanions(entries);
        const holders = seen.slice(0, holdersAmong(seen));
        const members = holders.filter(({ mode }) => mode.kind === "permits");
        const sum = members.reduce((taken, member) => taken + takenBy(member), 0);
        expect(sum).toBeLessThanOrEqual(
          members.some(({ mode }) => "total" in mode && mode.total === 9) ? 9 : total,
        );
      }),
    );
  });

  it("readers hold with readers only, and whoever wants the lock for itself holds alone", () => {
    fc.assert(
      fc.property(anyQueue, (entries) => {
        const seen = withoutCompanions(entries);
        const holders = seen.slice(0, holdersAmong(seen));
        // Those who only stand there wait for nobody.
        const waited = holders.filter((holder) => ruleOf(holder));
        const isShared = ({ isReader, mode }: Entry): boolean =>
          isReader || mode.kind === "permits";
        const kinds = new Set(waited.map(({ isReader, mode }) => (isReader ? "read" : mode.kind)));
        expect(kinds.size).toBeLessThanOrEqual(1);
        if (waited.some((holder) => !isShared(holder))) expect(waited).toHaveLength(1);
      }),
    );
  });

  it("somebody holds, unless it is empty", () => {
    fc.assert(
      fc.property(anyQueue, (entries) => {
        expect(holdersAmong(entries) > 0).toBe(entries.length > 0);
      }),
    );
  });

  it("nobody is in the way of those who hold, and somebody is in the way of all others", () => {
    fc.assert(
      fc.property(anyQueue, (entries) => {
        const holders = holdersAmong(entries);
        for (const [index, each] of entries.entries()) {
          const rule = ruleOf(each);
          const ahead = aheadOf(each, entries);
          if (rule) expect(rule.blockers(ahead).length === 0).toBe(index < holders);
        }
      }),
    );
  });

  it("what a rule asks etcd for shows it the same as the whole queue would", () => {
    fc.assert(
      fc.property(anyQueue, (entries) => {
        for (const each of entries) {
          const rule = ruleOf(each);
          const ahead = aheadOf(each, entries);
          if (!rule) continue;
          // Of two that were made at once, either may be seen.
          const blocking = [viewOf(rule, ahead), ahead].map((seen) =>
            rule.blockers(seen).map(({ createRevision }) => createRevision),
          );
          expect(blocking[0]).toEqual(blocking[1]);
        }
      }),
    );
  });

  it("it stays blocked while all its blockers stand, whoever else leaves", () => {
    fc.assert(
      fc.property(anyQueue, fc.infiniteStream(fc.boolean()), (entries, leaves) => {
        const last = entries.at(-1);
        const rule = last && ruleOf(last);
        if (!rule) return;
        const ahead = aheadOf(last, entries);
        const blockers = rule.blockers(ahead);
        const left = ahead.filter((each) => blockers.includes(each) || leaves.next().value);
        expect(rule.blockers(left).length > 0).toBe(blockers.length > 0);
      }),
    );
  });
});
