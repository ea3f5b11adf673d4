import assert from "node:assert/strict";
import { type ContractBench, type ContractCase, text } from "./bench.ts";

const notFound = "etcdserver: requested lease not found";
// Beyond 2^53, and odd, so that no floating point number can hold it.
let nextId = 0x3fed_cba9_8765_0001n + BigInt(Math.floor(Math.random() * 2 ** 40)) * 16n;

function freshId(): bigint {
  nextId += 2n;
  return nextId;
}

async function keysOf(bench: ContractBench, id: bigint): Promise<string[]> {
  const { keys } = await bench.etcd.leaseTimeToLive({ id, keys: true });
  return keys.map((key) => bench.name(key)).toSorted();
}

/** Leases: granted, kept alive, revoked and run out, and what becomes of their keys. */
export const leaseCases: readonly ContractCase[] = [
  {
    name: "grants the time that was asked for, but at least two seconds",
    async check({ etcd, base }) {
      const times: bigint[] = [];
      for (const asked of [60n, 3n, 2n, 1n, 0n, -5n, 9_000_000_000n]) {
        const { ttl, id, header } = await etcd.leaseGrant({ ttl: asked });
        times.push(ttl);
        assert.ok(id > 0n);
        assert.equal(header.revision, base);
        await etcd.leaseRevoke(id);
      }
      assert.deepEqual(times, [60n, 3n, 2n, 2n, 2n, 2n, 9_000_000_000n]);
    },
  },
  {
    name: "refuses a time that is too long",
    async check(bench) {
      const request = bench.etcd.leaseGrant({ ttl: 9_000_000_001n, id: freshId() });
      await bench.refuses(request, "OUT_OF_RANGE", "etcdserver: too large lease TTL");
    },
  },
  {
    name: "takes the id that it is given, to the last bit, but only once",
    async check(bench) {
      const id = freshId();
      const granted = await bench.etcd.leaseGrant({ ttl: 60n, id });
      assert.equal(granted.id, id);
      const again = bench.etcd.leaseGrant({ ttl: 60n, id });
      await bench.refuses(again, "FAILED_PRECONDITION", "etcdserver: lease already exists");
      await bench.run(bench.put("a", "", { lease: id }));
      assert.equal((await bench.find("a"))?.lease, id);
      await bench.etcd.leaseRevoke(id);
      assert.equal((await bench.etcd.leaseGrant({ ttl: 60n, id })).id, id);
      await bench.etcd.leaseRevoke(id);
    },
  },
  {
    name: "chooses ids of its own, each another",
    async check(bench) {
      const ids = await Promise.all([bench.grant(), bench.grant(), bench.grant()]);
      assert.equal(new Set(ids).size, 3);
      for (const id of ids) await bench.etcd.leaseRevoke(id);
    },
  },
  {
    name: "tells how long a lease has left, and which keys hang on it",
    async check(bench) {
      const id = await bench.grant(100n);
      await bench.run(bench.put("b", "", { lease: id }), bench.put("a", "", { lease: id }));
      const { ttl, grantedTtl, keys } = await bench.etcd.leaseTimeToLive({ id });
      assert.equal(grantedTtl, 100n);
      assert.ok(ttl <= 100n && ttl >= 98n, `${ttl} seconds`);
      assert.deepEqual(keys, []);
      assert.deepEqual(await keysOf(bench, id), ["a", "b"]);
      await bench.etcd.leaseRevoke(id);
    },
  },
  {
    name: "answers about a lease that is gone without an error, but does not revoke it",
    async check(bench) {
      const id = freshId();
      const { header, ...rest } = await bench.etcd.leaseTimeToLive({ id, keys: true });
      assert.deepEqual(rest, { ttl: -1n, grantedTtl: 0n, keys: [] });
      assert.equal(header.revision, bench.base);
      assert.equal((await bench.etcd.leaseKeepAlive(id)).ttl, 0n);
      await bench.refuses(bench.etcd.leaseRevoke(id), "NOT_FOUND", notFound);
      await bench.refuses(bench.etcd.leaseRevoke(0n), "NOT_FOUND", notFound);
    },
  },
  {
    name: "deletes the keys of a revoked lease, in order, at one revision",
    async check(bench) {
      const id = await bench.grant();
      const watch = bench.watch(bench.all());
      await watch.standing();
      const bound = ["c", "a", "\xff", "b"].map((name) => bench.put(name, "", { lease: id }));
      await bench.run(...bound, bench.put("free"));

      const { header } = await bench.etcd.leaseRevoke(id);

      assert.equal(bench.since(header.revision), 2);
      assert.deepEqual(await bench.names(bench.getAll()), ["free"]);
      const events = (await watch.have(9)).slice(5);
      assert.deepEqual(
        events.map(({ type, kv }) => [type, bench.name(kv.key), bench.since(kv.modRevision)]),
        ["a", "b", "c", "\xff"].map((name) => ["delete", name, 2]),
      );
      watch.close();
    },
  },
  {
    name: "does not advance the revision for a lease without keys",
    async check(bench) {
      const id = await bench.grant();
      const { header } = await bench.etcd.leaseRevoke(id);
      assert.equal(bench.since(header.revision), 0);
      assert.equal(await bench.revision(), 0);
    },
  },
  {
    name: "binds a key to the lease of its last put, or to none",
    async check(bench) {
      const [one, two] = [await bench.grant(), await bench.grant()];
      const on = (name: string, lease: bigint): Promise<unknown> =>
        bench.run(bench.put(name, "", { lease }));
      for (const name of ["moved", "freed", "gone", "kept"]) await on(name, one);

      await on("moved", two);
      await bench.each(bench.put("freed"), bench.delete("gone"), bench.put("gone"));
      await bench.run(bench.put("kept", "", { ignoreLease: true }));

      assert.deepEqual([await keysOf(bench, one), await keysOf(bench, two)], [["kept"], ["moved"]]);
      await bench.etcd.leaseRevoke(one);
      assert.deepEqual(await bench.names(bench.getAll()), ["freed", "gone", "moved"]);
      await bench.etcd.leaseRevoke(two);
      assert.deepEqual(await bench.names(bench.getAll()), ["freed", "gone"]);
    },
  },
  {
    name: "lets a lease run out, not before its time, and deletes its keys at one revision",
    async check(bench) {
      const watch = bench.watch(bench.all(), { prevKv: true });
      await watch.standing();
      const { id, ttl } = await bench.etcd.leaseGrant({ ttl: 2n });
      await bench.run(bench.put("b", "2", { lease: id }), bench.put("a", "1", { lease: id }));

      await bench.passTime(Number(ttl) * 1000 - 300);
      assert.deepEqual(await bench.names(bench.getAll()), ["a", "b"]);
      await bench.passTime(1_500);

      const events = (await watch.have(4)).slice(2);
      assert.deepEqual(
        events.map(({ type, kv, prevKv }) => [
          type,
          bench.name(kv.key),
          bench.since(kv.modRevision),
          prevKv && text(prevKv.value),
        ]),
        [
          ["delete", "a", 2, "1"],
          ["delete", "b", 2, "2"],
        ],
      );
      assert.equal((await bench.etcd.leaseTimeToLive({ id })).ttl, -1n);
      assert.equal((await bench.etcd.leaseKeepAlive(id)).ttl, 0n);
      watch.close();
    },
  },
  {
    name: "gives a lease its full time again when it is kept alive",
    async check(bench) {
      const { id, ttl } = await bench.etcd.leaseGrant({ ttl: 2n });
      await bench.run(bench.put("a", "", { lease: id }));
      for (let round = 0; round < 3; round++) {
        await bench.passTime(1_200);
        const answer = await bench.etcd.leaseKeepAlive(id);
        assert.equal(answer.ttl, ttl);
        assert.equal(bench.since(answer.header.revision), 1);
      }
      assert.deepEqual(await bench.names(bench.getAll()), ["a"]);
      await bench.etcd.leaseRevoke(id);
    },
  },
];
