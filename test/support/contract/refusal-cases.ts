import assert from "node:assert/strict";
import type { RequestOp, TxnRequest } from "../../../src/etcd/api.ts";
import type { ContractBench, ContractCase } from "./bench.ts";

const twice = "etcdserver: duplicate key given in txn request";
const tooMany = "etcdserver: too many operations in txn request";

async function refusesAsDuplicate(bench: ContractBench, ...ops: RequestOp[]): Promise<void> {
  await bench.refuses(bench.run(...ops), "INVALID_ARGUMENT", twice);
  const failure = { failure: ops };
  await bench.refuses(bench.etcd.txn(failure), "INVALID_ARGUMENT", twice);
  await bench.refuses(bench.run(bench.nest(failure)), "INVALID_ARGUMENT", twice);
}

/** So many reads, and between them others if there are any. */
function reads(bench: ContractBench, count: number, ...others: RequestOp[]): RequestOp[] {
  return [...others, ...Array.from({ length: count - others.length }, () => bench.get("a"))];
}

/** What is refused, and with which words. */
export const refusalCases: readonly ContractCase[] = [
  {
    name: "refuses an empty key, in whatever branch",
    async check(bench) {
      const key = new Uint8Array();
      const ops: RequestOp[] = [
        { op: "range", request: { key } },
        { op: "range", request: { key, rangeEnd: new Uint8Array(1) } },
        { op: "put", request: { key, value: key } },
        { op: "deleteRange", request: { key } },
      ];
      const requests: TxnRequest[] = [
        { compare: [{ key, target: "version", result: "equal", operand: 0n }] },
        ...ops.map((op) => ({ success: [op] })),
        ...ops.map((op) => ({ failure: [bench.nest({ failure: [op] })] })),
      ];
      for (const request of requests) {
        const refused = "etcdserver: key is not provided";
        await bench.refuses(bench.etcd.txn(request), "INVALID_ARGUMENT", refused);
      }
    },
  },
  {
    name: "refuses to put a key twice, or to put what is deleted too",
    async check(bench) {
      const { put, nest } = { put: bench.put.bind(bench), nest: bench.nest.bind(bench) };
      await refusesAsDuplicate(bench, put("a"), put("b"), put("a"));
      await refusesAsDuplicate(bench, put("b"), bench.delete("b"));
      await refusesAsDuplicate(bench, bench.delete("a", "c"), put("b"));
      await refusesAsDuplicate(bench, put("a"), nest({ success: [put("a")] }));
      await refusesAsDuplicate(bench, nest({ failure: [put("a")] }), put("a"));
      await refusesAsDuplicate(bench, nest({ success: [put("a")] }), nest({ failure: [put("a")] }));
      await refusesAsDuplicate(bench, nest({ success: [put("b")] }), bench.delete("a", "c"));
      await refusesAsDuplicate(bench, nest({ failure: [bench.delete("a", "c")] }), put("b"));
      const deep = nest({ success: [nest({ failure: [bench.delete("a")] })] });
      await refusesAsDuplicate(bench, deep, nest({ success: [put("a")] }));
      assert.equal(await bench.revision(), 0);
    },
  },
  {
    name: "puts a key in both branches of a transaction, and next to deletions of others",
    async check(bench) {
      const { put, nest } = { put: bench.put.bind(bench), nest: bench.nest.bind(bench) };
      await bench.etcd.txn({ success: [put("a")], failure: [put("a")] });
      await bench.run(nest({ success: [put("a")], failure: [put("a")] }), put("b"));
      await bench.run(nest({ success: [put("a")], failure: [bench.delete("a")] }));
      await bench.run(put("c"), bench.delete("a", "c"), bench.delete("a", "b"), bench.delete("d"));
      assert.deepEqual(await bench.names(bench.getAll()), ["c"]);
    },
  },
  {
    name: "refuses more than 128 operations, and in nested transactions what is left of them",
    async check(bench) {
      const refuse = (request: TxnRequest): Promise<void> =>
        bench.refuses(bench.etcd.txn(request), "INVALID_ARGUMENT", tooMany);
      const compare = Array.from(
        { length: 129 },
        () => ({ key: bench.key("a"), target: "version", result: "equal", operand: 0n }) as const,
      );
      await refuse({ compare });
      await refuse({ success: reads(bench, 129) });
      await refuse({ failure: reads(bench, 129) });
      await bench.etcd.txn({
        compare: compare.slice(1),
        success: reads(bench, 128),
        failure: reads(bench, 128),
      });

      const nest = (count: number): RequestOp => bench.nest({ failure: reads(bench, count) });
      await bench.run(nest(127));
      await refuse({ success: [nest(128)] });
      await bench.run(...reads(bench, 28, nest(100)));
      await refuse({ success: reads(bench, 28, nest(101)) });
      await bench.run(bench.nest({ success: [nest(126)] }));
      await refuse({ success: [bench.nest({ success: [nest(127)] })] });
      await bench.run(nest(100), nest(100), nest(100));
    },
  },
  {
    name: "refuses a value where it is to be ignored, and a lease likewise",
    async check(bench) {
      await bench.run(bench.put("a", "1"));
      const refuse = (op: RequestOp, message: string): Promise<void> =>
        bench.refuses(bench.run(op), "INVALID_ARGUMENT", message);
      await refuse(bench.put("a", "2", { ignoreValue: true }), "etcdserver: value is provided");
      const lease = { ignoreLease: true, lease: 1n };
      await refuse(bench.put("a", "2", lease), "etcdserver: lease is provided");
      const absent = "etcdserver: key not found";
      await refuse(bench.put("b", "", { ignoreValue: true }), absent);
      await refuse(bench.put("b", "2", { ignoreLease: true }), absent);
      assert.equal(await bench.revision(), 1);
    },
  },
  {
    name: "refuses a put with a lease that is not there, but only in the branch that is taken",
    async check(bench) {
      const put = bench.put("a", "", { lease: 123_456_789n });
      const refused = "etcdserver: requested lease not found";
      await bench.refuses(bench.run(put), "NOT_FOUND", refused);
      await bench.refuses(bench.run(bench.nest({ success: [put] })), "NOT_FOUND", refused);
      const { responses } = await bench.etcd.txn({ failure: [put], success: [bench.put("b")] });
      assert.equal(responses.length, 1);
      assert.deepEqual(await bench.names(bench.getAll()), ["b"]);
    },
  },
  {
    name: "refuses what is larger than 1.5 MiB",
    async check(bench) {
      const refused = "etcdserver: request is too large";
      const large = bench.put("a", "x".repeat(1_572_864));
      await bench.refuses(bench.run(large), "INVALID_ARGUMENT", refused);
      const half = "x".repeat(786_432);
      const two = bench.run(bench.put("a", half), bench.put("b", half));
      await bench.refuses(two, "INVALID_ARGUMENT", refused);
      await bench.run(bench.put("a", "x".repeat(1_572_000)));
      await bench.run(bench.delete("a"));
    },
  },
  {
    name: "refuses to read a revision that is still to come",
    async check(bench) {
      await bench.run(bench.put("a"));
      const refused = "etcdserver: mvcc: required revision is a future revision";
      const future = bench.getAll({ revision: bench.base + 2n });
      await bench.refuses(bench.run(future), "OUT_OF_RANGE", refused);
      // Not even in a transaction that will bring that revision about.
      await bench.refuses(bench.run(bench.put("a"), future), "OUT_OF_RANGE", refused);
      assert.equal(await bench.revision(), 1);
    },
  },
];
