import assert from "node:assert/strict";
import type { Compare } from "../../../src/etcd/api.ts";
import { type ContractBench, type ContractCase, rangeOf, text, txnOf } from "./bench.ts";

function exists(bench: ContractBench, name: string): Compare {
  return { key: bench.key(name), target: "createRevision", result: "greater", operand: 0n };
}

/** Branches, nesting, atomicity. */
export const txnCases: readonly ContractCase[] = [
  {
    name: "carries out one branch, and answers each of its operations in order",
    async check(bench) {
      const request = {
        compare: [exists(bench, "a")],
        success: [bench.delete("a"), bench.put("c")],
        failure: [bench.put("a"), bench.getAll()],
      };
      const failed = await bench.etcd.txn(request);
      assert.equal(failed.succeeded, false);
      assert.deepEqual(
        failed.responses.map(({ op }) => op),
        ["put", "range"],
      );
      const succeeded = await bench.etcd.txn(request);
      assert.equal(succeeded.succeeded, true);
      assert.deepEqual(
        succeeded.responses.map(({ op }) => op),
        ["deleteRange", "put"],
      );
      assert.deepEqual(await bench.names(bench.getAll()), ["c"]);
    },
  },
  {
    name: "tells the store's revision with every answer, and who gave it",
    async check(bench) {
      const { header } = await bench.etcd.txn({});
      assert.equal(header.revision, bench.base);
      const after = await bench.run(bench.put("a"));
      assert.deepEqual(after.header, { ...header, revision: bench.base + 1n });
      assert.ok(header.clusterId > 0n && header.memberId > 0n && header.raftTerm > 0n);
    },
  },
  {
    name: "carries out nested transactions as part of the one around them",
    async check(bench) {
      const result = await bench.run(
        bench.put("a", "1"),
        bench.nest({
          success: [bench.get("a"), bench.put("b"), bench.nest({ success: [bench.put("c")] })],
        }),
        bench.getAll(),
      );

      assert.equal(bench.since(result.header.revision), 1);
      const inner = txnOf(result, 1);
      assert.equal(inner.succeeded, true);
      assert.deepEqual(
        rangeOf(inner, 0).kvs.map((kv) => text(kv.value)),
        ["1"],
      );
      assert.deepEqual(txnOf(inner, 2).responses, [{ op: "put", response: {} }]);
      const all = rangeOf(result, 2).kvs.map((kv) => bench.plain(kv));
      assert.deepEqual(
        all.map(({ key, create }) => [key, create]),
        [
          ["a", 1],
          ["b", 1],
          ["c", 1],
        ],
      );
    },
  },
  {
    name: "decides the branches of nested transactions before anything is written",
    async check(bench) {
      const result = await bench.run(
        bench.put("a"),
        bench.nest({
          compare: [exists(bench, "a")],
          success: [bench.put("seen")],
          failure: [bench.put("unseen"), bench.nest({ compare: [exists(bench, "a")] })],
        }),
      );
      assert.equal(txnOf(result, 1).succeeded, false);
      assert.equal(txnOf(txnOf(result, 1), 1).succeeded, false);
      assert.deepEqual(await bench.names(bench.getAll()), ["a", "unseen"]);
    },
  },
  {
    name: "does nothing of a transaction of which a part is refused",
    async check(bench) {
      await bench.run(bench.put("a", "old"));
      const parts = [
        bench.put("z", "", { lease: 987_654_321n }),
        bench.put("absent", "", { ignoreValue: true }),
        bench.getAll({ revision: bench.base + 99n }),
      ];
      for (const part of parts) {
        const nested = bench.nest({ success: [part] });
        await assert.rejects(bench.run(bench.put("a", "new"), bench.put("b"), part));
        await assert.rejects(bench.run(bench.put("a", "new"), bench.put("b"), nested));
      }
      const kv = await bench.find("a");
      assert.equal(kv && text(kv.value), "old");
      assert.equal(await bench.revision(), 1);
    },
  },
  {
    name: "carries out transactions in the order in which they were asked for",
    async check(bench) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => bench.run(bench.put(`${index}`))),
      );
      assert.deepEqual(
        answers.map(({ header }) => bench.since(header.revision)).toSorted((a, b) => a - b),
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
    },
  },
];
