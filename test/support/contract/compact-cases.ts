import assert from "node:assert/strict";
import { ClosedError } from "../../../src/errors.ts";
import type { ContractCase } from "./bench.ts";

const compacted = "etcdserver: mvcc: required revision has been compacted";
const future = "etcdserver: mvcc: required revision is a future revision";

/** The end of old revisions, of calls, and of the store. */
export const compactCases: readonly ContractCase[] = [
  {
    name: "forgets what is older than the compaction, and keeps the state at it",
    async check(bench) {
      await bench.each(bench.put("a"), bench.put("b"), bench.put("a"), bench.delete("b"));
      await bench.run(bench.put("c"));
      const { header } = await bench.etcd.compact(bench.base + 3n);
      assert.equal(bench.since(header.revision), 5);

      const old = bench.run(bench.getAll({ revision: bench.base + 2n }));
      await bench.refuses(old, "OUT_OF_RANGE", compacted);
      assert.deepEqual(await bench.names(bench.getAll({ revision: bench.base + 3n })), ["a", "b"]);
      assert.deepEqual(await bench.names(bench.getAll({ revision: bench.base + 4n })), ["a"]);
      assert.deepEqual(await bench.names(bench.getAll()), ["a", "c"]);
      assert.equal((await bench.find("a"))?.version, 2n);
    },
  },
  {
    name: "compacts only forwards, and not into the future",
    async check(bench) {
      await bench.each(bench.put("a"), bench.put("a"));
      await bench.refuses(bench.etcd.compact(bench.base + 3n), "OUT_OF_RANGE", future);
      await bench.etcd.compact(bench.base + 2n);
      await bench.refuses(bench.etcd.compact(bench.base + 2n), "OUT_OF_RANGE", compacted);
      await bench.refuses(bench.etcd.compact(bench.base + 1n), "OUT_OF_RANGE", compacted);
    },
  },
  {
    name: "does nothing for a caller that has given up already, and rejects with its reason",
    async check(bench) {
      const reason = new Error("given up");
      const options = { signal: AbortSignal.abort(reason) };
      const { etcd } = bench;
      await assert.rejects(etcd.txn({ success: [bench.put("a")] }, options), reason);
      await assert.rejects(etcd.compact(bench.base, options), reason);
      await assert.rejects(etcd.leaseGrant({ ttl: 60n }, options), reason);
      await assert.rejects(etcd.leaseKeepAlive(1n, options), reason);
      await assert.rejects(etcd.leaseRevoke(1n, options), reason);
      await assert.rejects(etcd.leaseTimeToLive({ id: 1n }, options), reason);
      assert.equal(await bench.revision(), 0);
    },
  },
  {
    name: "ends all watches when it is closed, and refuses all calls after that",
    async check(bench) {
      const { etcd } = bench;
      const watch = bench.watch(bench.all());
      const closed = bench.watch(bench.all());
      await watch.standing();
      closed.close();

      await etcd.close();
      await etcd.close();

      assert.ok((await watch.ended()) instanceof ClosedError);
      assert.deepEqual(closed.errors, []);
      const late = bench.watch(bench.all());
      assert.deepEqual(late.errors, [], "not before watch() returned");
      assert.ok((await late.ended()) instanceof ClosedError);
      await assert.rejects(etcd.txn({}), ClosedError);
      await assert.rejects(etcd.compact(1n), ClosedError);
      await assert.rejects(etcd.leaseGrant({ ttl: 60n }), ClosedError);
      await assert.rejects(etcd.leaseKeepAlive(1n), ClosedError);
      await assert.rejects(etcd.leaseRevoke(1n), ClosedError);
      await assert.rejects(etcd.leaseTimeToLive({ id: 1n }), ClosedError);
    },
  },
];
