import assert from "node:assert/strict";
import { bytes, type ContractCase, deleteOf, putOf, text } from "./bench.ts";

/** Puts and deletions, and what they do to revisions and versions. */
export const putCases: readonly ContractCase[] = [
  {
    name: "gives a new key version 1 and the revision of its transaction",
    async check(bench) {
      const { header } = await bench.run(bench.put("a", "1"));

      assert.equal(bench.since(header.revision), 1);
      const kv = await bench.find("a");
      assert.ok(kv);
      assert.deepEqual(bench.plain(kv), { key: "a", value: "1", create: 1, mod: 1, version: 1 });
      assert.equal(kv.lease, 0n);
    },
  },
  {
    name: "counts versions up and keeps the create revision when a key is overwritten",
    async check(bench) {
      await bench.each(bench.put("a", "1"), bench.put("b"), bench.put("a", "2"));
      const kv = await bench.find("a");
      assert.ok(kv);
      assert.deepEqual(bench.plain(kv), { key: "a", value: "2", create: 1, mod: 3, version: 2 });
    },
  },
  {
    name: "starts a key anew after its deletion",
    async check(bench) {
      await bench.each(bench.put("a"), bench.put("a"), bench.delete("a"), bench.put("a", "new"));
      const kv = await bench.find("a");
      assert.ok(kv);
      assert.deepEqual(bench.plain(kv), { key: "a", value: "new", create: 4, mod: 4, version: 1 });
    },
  },
  {
    name: "does all of a transaction at one revision",
    async check(bench) {
      await bench.run(bench.put("old"));
      const { header } = await bench.run(bench.put("a"), bench.delete("old"), bench.put("b"));

      assert.equal(bench.since(header.revision), 2);
      const { kvs } = await bench.range(bench.getAll());
      assert.deepEqual(
        kvs.map((kv) => bench.plain(kv).create),
        [2, 2],
      );
    },
  },
  {
    name: "does not advance the revision when nothing changes",
    async check(bench) {
      await bench.run(bench.put("a"));
      const { header } = await bench.run(bench.getAll(), bench.delete("absent"));
      assert.equal(bench.since(header.revision), 1);
      assert.equal(await bench.revision(), 1);
      await bench.run(bench.put("a"));
      assert.equal(await bench.revision(), 2, "a put of the same value is a change");
    },
  },
  {
    name: "gives a put the state before it, if it is asked to and there was one",
    async check(bench) {
      const first = await bench.run(bench.put("a", "1", { prevKv: true }));
      assert.equal(putOf(first).prevKv, undefined);
      const second = await bench.run(bench.put("a", "2"));
      assert.equal(putOf(second).prevKv, undefined);
      const { prevKv } = putOf(await bench.run(bench.put("a", "3", { prevKv: true })));
      assert.ok(prevKv);
      assert.deepEqual(bench.plain(prevKv), {
        key: "a",
        value: "2",
        create: 1,
        mod: 2,
        version: 2,
      });
    },
  },
  {
    name: "deletes from the first key up to but without the end, and says what it deleted",
    async check(bench) {
      await bench.run(bench.put("a", "1"), bench.put("b", "2"), bench.put("c", "3"));

      const { deleted, prevKvs } = deleteOf(await bench.run(bench.delete("a", "c", true)));

      assert.equal(deleted, 2n);
      assert.deepEqual(
        prevKvs.map((kv) => [bench.name(kv.key), text(kv.value)]),
        [
          ["a", "1"],
          ["b", "2"],
        ],
      );
      assert.deepEqual(await bench.names(bench.getAll()), ["c"]);
      const silent = deleteOf(await bench.run(bench.delete("c")));
      assert.deepEqual(silent, { deleted: 1n, prevKvs: [] });
    },
  },
  {
    name: "deletes nothing in a range that ends where it starts, or before",
    async check(bench) {
      await bench.run(bench.put("a"), bench.put("b"));
      for (const end of ["b", "a", ""]) {
        assert.equal(deleteOf(await bench.run(bench.delete("b", end))).deleted, 0n);
      }
      assert.equal(await bench.revision(), 1);
    },
  },
  {
    name: "deletes to the very end when the end is a single zero byte",
    async check(bench) {
      await bench.run(bench.put("a"), bench.put("b"), bench.put("c"));
      const range = { key: bench.key("b"), rangeEnd: new Uint8Array(1) };
      await bench.run({ op: "deleteRange", request: range });
      assert.deepEqual(await bench.names(bench.getAll()), ["a"]);
    },
  },
  {
    name: "keeps keys and values byte by byte",
    async check(bench) {
      const names = ["\0", "\0\0", "\x01", "a\0b", "\x7f", "\x80", "\xc3", "\xc3\xa9", "\xff\xff"];
      const value = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
      await bench.run(...names.toReversed().map((name) => bench.put(name, value)));

      const { kvs } = await bench.range(bench.getAll());

      assert.deepEqual(
        kvs.map((kv) => bench.name(kv.key)),
        names,
      );
      for (const kv of kvs) assert.deepEqual(Buffer.from(kv.value), Buffer.from(bytes(value)));
    },
  },
  {
    name: "keeps an empty value apart from no key at all",
    async check(bench) {
      await bench.run(bench.put("a", ""));
      assert.equal((await bench.find("a"))?.value.length, 0);
      assert.equal(await bench.find("b"), undefined);
    },
  },
  {
    name: "is not affected by what the caller does to its buffers afterwards",
    async check(bench) {
      const key = bench.key("a");
      const value = bytes("value");
      const done = bench.etcd.txn({ success: [{ op: "put", request: { key, value } }] });
      await done;
      key.fill(0);
      value.fill(0);
      const kv = await bench.find("a");
      assert.deepEqual(kv && [bench.name(kv.key), text(kv.value)], ["a", "value"]);
    },
  },
  {
    name: "keeps the value or the lease where a put leaves it as it is",
    async check(bench) {
      const lease = await bench.grant();
      await bench.run(bench.put("a", "1", { lease }));

      await bench.run(bench.put("a", "2", { ignoreLease: true }));
      const renewed = await bench.find("a");
      assert.deepEqual(renewed && [text(renewed.value), renewed.lease], ["2", lease]);

      await bench.run(bench.put("a", "", { ignoreValue: true }));
      const loosened = await bench.find("a");
      assert.deepEqual(loosened && [text(loosened.value), loosened.lease], ["2", 0n]);
      assert.equal(loosened?.version, 3n);
    },
  },
];
