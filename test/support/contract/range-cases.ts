import assert from "node:assert/strict";
import type { SortTarget } from "../../../src/etcd/api.ts";
import { type ContractBench, type ContractCase, rangeOf, text } from "./bench.ts";

/** Four keys whose order by key, value, create and mod revision, and version is each another. */
async function putFour(bench: ContractBench): Promise<void> {
  const { put } = bench;
  const write = put.bind(bench);
  await bench.each(write("d", "2"), write("a", "3"), write("c", "1"), write("b", "4"));
  await bench.each(write("c", "1"), write("c", "1"), write("a", "3"), write("d", "2"));
  await bench.each(write("a", "3"), write("a", "3"), write("c", "1"), write("d", "2"));
}

/** How reads are cut, sorted and filtered, and how the past is read. */
export const rangeCases: readonly ContractCase[] = [
  {
    name: "finds one key only without an end, and none of those that begin like it",
    async check(bench) {
      await bench.run(bench.put("a"), bench.put("ab"), bench.put("a\0"));
      assert.deepEqual(await bench.names(bench.get("a")), ["a"]);
      assert.deepEqual(await bench.names(bench.get("b")), []);
    },
  },
  {
    name: "finds the keys from the first up to but without the end, in order",
    async check(bench) {
      await bench.run(...["c", "b", "ab", "a", "d"].map((name) => bench.put(name)));
      const { kvs, count, more } = await bench.range({ op: "range", request: bench.all("a", "d") });
      assert.deepEqual(
        kvs.map((kv) => bench.name(kv.key)),
        ["a", "ab", "b", "c"],
      );
      assert.deepEqual([count, more], [4n, false]);
    },
  },
  {
    name: "finds nothing in a range that ends where it starts, or before",
    async check(bench) {
      await bench.run(bench.put("a"), bench.put("b"));
      for (const end of ["b", "a"]) {
        const answer = await bench.range({ op: "range", request: bench.all("b", end) });
        assert.deepEqual(answer, { kvs: [], count: 0n, more: false });
      }
    },
  },
  {
    name: "finds everything from a key on when the end is a single zero byte",
    async check(bench) {
      await bench.run(bench.put("a"), bench.put("b"), bench.put("\xff\xff\xff"));
      const op = bench.get("b", { rangeEnd: new Uint8Array(1) });
      assert.deepEqual(await bench.names(op), ["b", "\xff\xff\xff"]);
    },
  },
  {
    name: "cuts off at the limit, says that there is more, and counts all",
    async check(bench) {
      await bench.run(bench.put("a"), bench.put("b"), bench.put("c"));
      const looks = [1n, 2n, 3n, 4n, 0n].map(async (limit) => {
        const { kvs, more, count } = await bench.range(bench.getAll({ limit }));
        return [kvs.length, more, count];
      });
      assert.deepEqual(await Promise.all(looks), [
        [1, true, 3n],
        [2, true, 3n],
        [3, false, 3n],
        [3, false, 3n],
        [3, false, 3n],
      ]);
    },
  },
  {
    name: "sorts by whatever it is asked to, before the limit cuts",
    async check(bench) {
      await putFour(bench);
      const orders: Record<SortTarget, string> = {
        key: "abcd",
        value: "cdab",
        createRevision: "dacb",
        modRevision: "bacd",
        version: "bdac",
      };
      for (const [by, ascending] of Object.entries(orders) as [SortTarget, string][]) {
        const up = bench.getAll({ sort: { by, order: "ascending" } });
        const names = await bench.names(up);
        // The last two of the versions are equal.
        assert.deepEqual(names.join(""), ascending, `by ${by}`);
        const sort = { by, order: "descending" } as const;
        const down = await bench.range(bench.getAll({ sort, limit: 2n }));
        const expected = by === "version" ? "ac" : [...ascending].reverse().slice(0, 2).join("");
        assert.deepEqual(down.kvs.map((kv) => bench.name(kv.key)).join(""), expected, `by ${by}`);
        assert.deepEqual([down.more, down.count], [true, 4n]);
      }
    },
  },
  {
    name: "filters by revisions, bounds included, before the limit cuts, and counts what it left out",
    async check(bench) {
      await bench.each(bench.put("a"), bench.put("b"), bench.put("c"), bench.put("a"));
      const at = (revision: number): bigint => bench.base + BigInt(revision);
      const filters = [
        [{ minModRevision: at(3) }, "ac"],
        [{ maxModRevision: at(3) }, "bc"],
        [{ minCreateRevision: at(2) }, "bc"],
        [{ maxCreateRevision: at(2) }, "ab"],
        [{ minModRevision: at(3), maxCreateRevision: at(1) }, "a"],
        [{ minModRevision: at(9) }, ""],
      ] as const;
      for (const [filter, expected] of filters) {
        const { kvs, count, more } = await bench.range(bench.getAll(filter));
        assert.equal(kvs.map((kv) => bench.name(kv.key)).join(""), expected);
        assert.deepEqual([count, more], [3n, false]);
      }
      const cut = await bench.range(bench.getAll({ minModRevision: at(3), limit: 1n }));
      assert.deepEqual([cut.kvs.length, cut.more, cut.count], [1, true, 3n]);
      const whole = await bench.range(bench.getAll({ minModRevision: at(3), limit: 2n }));
      assert.deepEqual([whole.kvs.length, whole.more, whole.count], [2, false, 3n]);
    },
  },
  {
    name: "leaves out the values, or the keys too, when it is asked to",
    async check(bench) {
      await bench.run(bench.put("a", "1"), bench.put("b", "2"));
      const bare = await bench.range(bench.getAll({ keysOnly: true }));
      assert.deepEqual(
        bare.kvs.map((kv) => bench.plain(kv)),
        [
          { key: "a", value: "", create: 1, mod: 1, version: 1 },
          { key: "b", value: "", create: 1, mod: 1, version: 1 },
        ],
      );
      const counted = await bench.range(bench.getAll({ countOnly: true, limit: 1n }));
      assert.deepEqual(counted, { kvs: [], count: 2n, more: false });
      const still = await bench.find("a");
      assert.equal(still && text(still.value), "1");
    },
  },
  {
    name: "reads the store as it was at a revision",
    async check(bench) {
      await bench.each(bench.put("a", "1"), bench.put("b", "1"), bench.put("a", "2"));
      await bench.each(bench.delete("a"), bench.put("a", "3"), bench.put("c"));
      const stories: string[] = [];
      for (let revision = 0; revision <= 6; revision++) {
        const op = bench.getAll({ revision: bench.base + BigInt(revision) });
        const { kvs, count } = await bench.range(op);
        assert.equal(count, BigInt(kvs.length));
        stories.push(
          kvs.map((kv) => `${bench.name(kv.key)}${text(kv.value)}v${kv.version}`).join(" "),
        );
      }
      assert.deepEqual(stories, [
        "",
        "a1v1",
        "a1v1 b1v1",
        "a2v2 b1v1",
        "b1v1",
        "a3v1 b1v1",
        "a3v1 b1v1 cv1",
      ]);
    },
  },
  {
    name: "sees what its own transaction wrote before, unless it reads the past",
    async check(bench) {
      await bench.run(bench.put("a", "old"), bench.put("b"));
      const past = { revision: bench.base + 1n };
      const result = await bench.run(
        bench.getAll(),
        bench.put("a", "new"),
        bench.getAll(),
        bench.delete("b"),
        bench.getAll(),
        bench.getAll(past),
        bench.get("a", past),
      );
      const seen = [0, 2, 4, 5, 6].map((place) =>
        rangeOf(result, place).kvs.map((kv) => bench.name(kv.key) + text(kv.value)),
      );
      assert.deepEqual(seen, [["aold", "b"], ["anew", "b"], ["anew"], ["aold", "b"], ["aold"]]);
      assert.equal(rangeOf(result, 4).kvs[0]?.modRevision, bench.base + 2n);
    },
  },
];
