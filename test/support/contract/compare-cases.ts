import assert from "node:assert/strict";
import type { Compare } from "../../../src/etcd/api.ts";
import { bytes, type ContractBench, type ContractCase } from "./bench.ts";

type Condition = Compare extends infer Each
  ? Each extends Compare
    ? Omit<Each, "key" | "rangeEnd">
    : never
  : never;

const results = ["equal", "notEqual", "greater", "less"] as const;
const targets = ["version", "createRevision", "modRevision", "lease"] as const;

async function holds(bench: ContractBench, ...compare: Compare[]): Promise<boolean> {
  return (await bench.etcd.txn({ compare })).succeeded;
}

function on(bench: ContractBench, name: string, condition: Condition): Compare {
  return { key: bench.key(name), ...condition };
}

/** Which of the four results hold, as a string. */
async function holding(
  bench: ContractBench,
  name: string,
  condition: Omit<Condition, "result">,
): Promise<string> {
  const found: string[] = [];
  for (const result of results) {
    const compare = { key: bench.key(name), ...condition, result } as Compare;
    if (await holds(bench, compare)) found.push(result);
  }
  return found.join(" ");
}

/** The conditions of transactions. */
export const compareCases: readonly ContractCase[] = [
  {
    name: "compares version, revisions and lease as numbers",
    async check(bench) {
      const lease = await bench.grant();
      await bench.each(bench.put("a"), bench.put("a", "", { lease }));
      const actual = {
        version: 2n,
        createRevision: bench.base + 1n,
        modRevision: bench.base + 2n,
        lease,
      };
      for (const target of targets) {
        const operand = actual[target];
        assert.equal(await holding(bench, "a", { target, operand }), "equal", target);
        const greater = await holding(bench, "a", { target, operand: operand - 1n });
        assert.equal(greater, "notEqual greater", target);
        const less = await holding(bench, "a", { target, operand: operand + 1n });
        assert.equal(less, "notEqual less", target);
      }
    },
  },
  {
    name: "compares values as unsigned bytes",
    async check(bench) {
      await bench.run(bench.put("a", "m\x80"));
      const value = (operand: string): Promise<string> =>
        holding(bench, "a", { target: "value", operand: bytes(operand) });
      assert.equal(await value("m\x80"), "equal");
      assert.equal(await value("m\x7f"), "notEqual greater");
      assert.equal(await value("m"), "notEqual greater");
      assert.equal(await value(""), "notEqual greater");
      assert.equal(await value("m\x80\0"), "notEqual less");
      assert.equal(await value("n"), "notEqual less");
    },
  },
  {
    name: "takes an absent key for version, revisions and lease 0, and for no value whatever",
    async check(bench) {
      for (const target of targets) {
        assert.equal(await holding(bench, "a", { target, operand: 0n }), "equal", target);
        assert.equal(await holding(bench, "a", { target, operand: 1n }), "notEqual less", target);
        const below = await holding(bench, "a", { target, operand: -1n });
        assert.equal(below, "notEqual greater", target);
      }
      for (const operand of ["", "x"]) {
        assert.equal(await holding(bench, "a", { target: "value", operand: bytes(operand) }), "");
      }
    },
  },
  {
    name: "asks every key of a range, and takes an empty range for an absent key",
    async check(bench) {
      await bench.each(bench.put("a", "1"), bench.put("b", "2"), bench.put("b", "2"));
      const version = { target: "version", result: "equal" } as const;
      const ask = (start: string, end: string, condition: Condition): Promise<boolean> =>
        holds(bench, { ...bench.all(start, end), ...condition });

      assert.equal(await ask("a", "z", { ...version, operand: 1n }), false);
      assert.equal(await ask("a", "b", { ...version, operand: 1n }), true);
      assert.equal(await ask("a", "z", { ...version, result: "greater", operand: 0n }), true);
      assert.equal(await ask("m", "z", { ...version, operand: 0n }), true);
      assert.equal(await ask("z", "a", { ...version, operand: 0n }), true, "ends before it starts");
      const anything = { target: "value", result: "notEqual", operand: bytes("x") } as const;
      assert.equal(await ask("a", "z", anything), true);
      assert.equal(await ask("m", "z", anything), false);
      const open = { key: bench.key("a"), rangeEnd: new Uint8Array(1) };
      assert.equal(await holds(bench, { ...open, ...version, result: "less", operand: 3n }), true);
      assert.equal(await holds(bench, { ...open, ...version, result: "less", operand: 2n }), false);
    },
  },
  {
    name: "succeeds only if all conditions hold, and if there are none",
    async check(bench) {
      await bench.run(bench.put("a"));
      const yes = on(bench, "a", { target: "version", result: "equal", operand: 1n });
      const no = on(bench, "b", { target: "version", result: "equal", operand: 1n });
      assert.equal(await holds(bench), true);
      assert.equal(await holds(bench, yes, yes), true);
      assert.equal(await holds(bench, yes, no), false);
      assert.equal(await holds(bench, no, no), false);
    },
  },
];
