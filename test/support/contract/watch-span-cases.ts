import assert from "node:assert/strict";
import { CompactedError, StoreError } from "../../../src/errors.ts";
import type { ContractCase } from "./bench.ts";
import { checkGroups, stories } from "./watch-stories.ts";

/** From where on watches tell, and what ends them. */
export const watchSpanCases: readonly ContractCase[] = [
  {
    name: "tells what happened since a past revision, and goes on from there",
    async check(bench) {
      await bench.each(bench.put("a", "1"), bench.put("a", "2"), bench.put("b", "x"));
      await bench.run(bench.delete("a"), bench.put("c", "3"));

      const watch = bench.watch(bench.all(), { startRevision: bench.base + 2n });
      await watch.have(4);
      await bench.run(bench.put("a", "4"));

      const events = await watch.have(5);
      assert.deepEqual(stories(bench, events), [
        "put a=2 @2",
        "put b=x @3",
        "delete a @4",
        "put c=3 @4",
        "put a=4 @5",
      ]);
      checkGroups(watch.calls);
      watch.close();
    },
  },
  {
    name: "loses and repeats nothing between the past and what happens meanwhile",
    async check(bench) {
      const writes: Promise<unknown>[] = [];
      const watches = Array.from({ length: 10 }, (_, index) => {
        writes.push(bench.run(bench.put("a", `${index}`)), bench.run(bench.put("b", `${index}`)));
        return bench.watch(bench.all(), { startRevision: bench.base + 1n });
      });
      await Promise.all(writes);
      for (const watch of watches) {
        const events = await watch.have(20);
        assert.deepEqual(
          events.map(({ kv }) => bench.since(kv.modRevision)),
          Array.from({ length: 20 }, (_, index) => index + 1),
        );
        checkGroups(watch.calls);
        watch.close();
      }
    },
  },
  {
    name: "waits for a revision that is still to come",
    async check(bench) {
      const watch = bench.watch(bench.all(), { startRevision: bench.base + 3n });
      assert.equal(bench.since(await watch.standing()), 0);
      await bench.each(bench.put("a", "1"), bench.put("a", "2"), bench.put("a", "3"));
      await bench.run(bench.put("a", "4"));
      assert.deepEqual(stories(bench, await watch.have(2)), ["put a=3 @3", "put a=4 @4"]);
      watch.close();
    },
  },
  {
    name: "ends with CompactedError when it would have to begin before the compaction",
    async check(bench) {
      await bench.each(bench.put("a", "1"), bench.put("a", "2"), bench.put("a", "3"));
      await bench.etcd.compact(bench.base + 3n);

      const watch = bench.watch(bench.all(), { startRevision: bench.base + 1n });
      const error = await watch.ended();
      assert.ok(error instanceof CompactedError);
      assert.equal(error.compactRevision, bench.base + 3n);
      assert.deepEqual(watch.events, []);

      const from = { startRevision: bench.base + 3n, prevKv: true };
      const rest = bench.watch(bench.all(), from);
      const events = await rest.have(1);
      assert.deepEqual(stories(bench, events), ["put a=3 @3"]);
      assert.equal(events[0]?.prevKv, undefined, "the state before is compacted");
      rest.close();
    },
  },
  {
    name: "keeps an open watch through a compaction",
    async check(bench) {
      const watch = bench.watch(bench.all());
      await watch.standing();
      await bench.each(bench.put("a", "1"), bench.put("a", "2"));
      await watch.have(2);
      await bench.etcd.compact(bench.base + 2n);
      await bench.run(bench.put("a", "3"));
      assert.deepEqual(stories(bench, (await watch.have(3)).slice(2)), ["put a=3 @3"]);
      watch.close();
    },
  },
  {
    name: "ends at once for a range that has no keys",
    async check(bench) {
      const watch = bench.watch(bench.all("b", "a"));
      const error = await watch.ended();
      assert.ok(error instanceof StoreError);
      assert.deepEqual(
        [error.status, error.message],
        ["FAILED_PRECONDITION", "mvcc: watcher range is empty"],
      );
    },
  },
];
