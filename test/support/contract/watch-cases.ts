import assert from "node:assert/strict";
import { type ContractCase, text } from "./bench.ts";
import { checkGroups, stories } from "./watch-stories.ts";

/** What watches tell, when, and in which order. */
export const watchCases: readonly ContractCase[] = [
  {
    name: "tells at which revision a watch stands, and everything after that",
    async check(bench) {
      await bench.run(bench.put("a", "before"));
      const watch = bench.watch({ key: bench.key("a") });
      assert.deepEqual(watch.created, [], "not before watch() returned, nor at once");
      assert.equal(bench.since(await watch.standing()), 1);
      await bench.each(bench.put("a", "1"), bench.put("b", "2"), bench.delete("a"));
      await bench.run(bench.put("a", "3"));

      const events = await watch.have(3);
      assert.deepEqual(stories(bench, events), ["put a=1 @2", "delete a @4", "put a=3 @5"]);
      watch.close();
    },
  },
  {
    name: "tells of a put all that is stored, of a deletion only key and revision",
    async check(bench) {
      const watch = bench.watch(bench.all());
      await watch.standing();
      const lease = await bench.grant();
      await bench.each(bench.put("a", "1", { lease }), bench.put("a", "2", { lease }));
      await bench.run(bench.delete("a"));

      const [created, changed, deleted] = await watch.have(3);
      assert.ok(created && changed && deleted);
      const common = { key: "a", create: 1 };
      assert.deepEqual(bench.plain(created.kv), { ...common, value: "1", mod: 1, version: 1 });
      assert.deepEqual(bench.plain(changed.kv), { ...common, value: "2", mod: 2, version: 2 });
      assert.equal(changed.kv.lease, lease);
      assert.deepEqual(
        { ...deleted.kv, key: bench.name(deleted.kv.key), value: text(deleted.kv.value) },
        {
          key: "a",
          value: "",
          createRevision: 0n,
          modRevision: bench.base + 3n,
          version: 0n,
          lease: 0n,
        },
      );
      assert.ok([created, changed, deleted].every(({ prevKv }) => prevKv === undefined));
      watch.close();
    },
  },
  {
    name: "tells the state before a change when it is asked to",
    async check(bench) {
      const watch = bench.watch(bench.all(), { prevKv: true });
      await watch.standing();
      await bench.each(bench.put("a", "1"), bench.put("a", "2"), bench.delete("a"));
      await bench.run(bench.put("a", "3"));

      const events = await watch.have(4);
      assert.deepEqual(
        events.map(({ prevKv }) => prevKv && bench.plain(prevKv)),
        [
          undefined,
          { key: "a", value: "1", create: 1, mod: 1, version: 1 },
          { key: "a", value: "2", create: 1, mod: 2, version: 2 },
          undefined,
        ],
      );
      watch.close();
    },
  },
  {
    name: "tells of each change in a transaction the state before the whole of it",
    async check(bench) {
      await bench.run(bench.put("a", "before"));
      const watch = bench.watch(bench.all(), { prevKv: true });
      await watch.standing();
      const put = bench.nest({ success: [bench.put("a", "between")] });
      await bench.run(put, bench.nest({ success: [bench.delete("a")] }));

      const events = await watch.have(2);
      assert.deepEqual(stories(bench, events), ["put a=between @2", "delete a @2"]);
      assert.deepEqual(
        events.map(({ prevKv }) => prevKv && text(prevKv.value)),
        ["before", "before"],
      );
      checkGroups(watch.calls);
      watch.close();
    },
  },
  {
    name: "tells all events of one revision in one call, in the order of the operations",
    async check(bench) {
      await bench.run(bench.put("x1"), bench.put("x2"));
      const watch = bench.watch(bench.all());
      await watch.standing();
      await bench.run(bench.put("b", "1"), bench.delete("x1", "x9"), bench.put("a", "2"));
      await bench.run(bench.put("c", "3"));

      const events = await watch.have(5);
      assert.deepEqual(stories(bench, events), [
        "put b=1 @2",
        "delete x1 @2",
        "delete x2 @2",
        "put a=2 @2",
        "put c=3 @3",
      ]);
      checkGroups(watch.calls);
      watch.close();
    },
  },
  {
    name: "watches one key, a range, a prefix and everything, each by itself",
    async check(bench) {
      const watches = [
        bench.watch({ key: bench.key("b") }),
        bench.watch(bench.all("b", "d")),
        bench.watch(bench.all("b", "c")),
        bench.watch({ key: bench.key("b"), rangeEnd: new Uint8Array(1) }),
        bench.watch(bench.all()),
      ];
      for (const watch of watches) await watch.standing();
      await bench.each(
        ...["a", "b", "b\xff", "ba", "c", "d", "\xff"].map((name) => bench.put(name)),
      );

      const expected = [
        "b",
        "b b\xff ba c",
        "b b\xff ba",
        "b b\xff ba c d \xff",
        "a b b\xff ba c d \xff",
      ];
      for (const [place, watch] of watches.entries()) {
        const names = expected[place]?.split(" ") ?? [];
        const events = await watch.have(names.length);
        assert.deepEqual(
          events.map(({ kv }) => bench.name(kv.key)),
          names,
        );
        watch.close();
      }
    },
  },
  {
    name: "tells nothing more once a watch is closed, but goes on with the others",
    async check(bench) {
      const [one, two] = [bench.watch(bench.all()), bench.watch(bench.all())];
      await one.standing();
      await two.standing();
      await bench.run(bench.put("a"));
      await one.have(1);
      one.close();
      one.close();
      await bench.run(bench.put("a"));
      await two.have(2);
      assert.equal(one.events.length, 1);
      assert.deepEqual(one.errors, []);
      two.close();
    },
  },
  {
    name: "can be closed before it stands, and then tells nothing at all",
    async check(bench) {
      const watch = bench.watch(bench.all());
      watch.close();
      const other = bench.watch(bench.all());
      await other.standing();
      await bench.run(bench.put("a"));
      await other.have(1);
      assert.deepEqual([watch.created, watch.calls, watch.errors], [[], [], []]);
      other.close();
    },
  },
];
