import { describe, expect, expectTypeOf, it } from "vitest";
import type { NodeEtcd, NodeEtcdResponse } from "../src/etcd/v2/node-etcd.ts";
import * as microlock from "../src/index.ts";
import Microlock, { type MicrolockAnswer } from "../src/microlock.ts";
import { FakeNodeEtcd } from "./support/fake-node-etcd.ts";

const {
  AlreadyLockedError,
  EtcdClientRequiredError,
  InvalidTtlError,
  KeyRequiredError,
  LockNotOwnedError,
  NodeIdRequiredError,
} = microlock;

/** Calls the constructor as JavaScript does, with anything. */
function construct(...args: unknown[]): Microlock {
  return Reflect.construct(Microlock, args);
}

describe("Microlock", () => {
  it("is the default export, and has the events and errors of 1.x as statics", () => {
    expect(microlock.default).toBe(Microlock);
    expect(Microlock.events).toEqual({ locked: "locked", unlocked: "unlocked", error: "error" });
    expect(microlock.events).toBe(Microlock.events);
    const errors = {
      AlreadyLockedError,
      EtcdClientRequiredError,
      InvalidTtlError,
      KeyRequiredError,
      LockNotOwnedError,
      NodeIdRequiredError,
    };
    for (const [name, error] of Object.entries(errors)) {
      expect(Reflect.get(Microlock, name)).toBe(error);
    }
  });

  it("knows what its client answers", () => {
    expectTypeOf<MicrolockAnswer<NodeEtcd>>().toEqualTypeOf<NodeEtcdResponse | undefined>();
    expectTypeOf<ReturnType<Microlock<microlock.Locks>["lock"]>>().resolves.toEqualTypeOf<{
      readonly key: string;
      readonly fencingToken: bigint;
    }>();
  });

  describe("constructor", () => {
    const etcd = new FakeNodeEtcd();

    it.each([undefined, null, false, 0, ""])("refuses %j as a client", (client) => {
      expect(() => construct(client, "foo", "bar")).toThrow(EtcdClientRequiredError);
      expect(() => construct(client, "foo", "bar")).toThrow("etcd client parameter is required");
    });

    it.each([
      ["an empty object", {}],
      ["a string", "127.0.0.1:2379"],
      ["a function", () => {}],
      ["half a node-etcd client", { set() {}, watcher() {} }],
      ["half an etcd3 client", { kv: { txn() {} }, close() {} }],
      ["a namespace of an etcd3 client", namespaceOfEtcd3()],
      ["half a client of ours", { etcd: null, keyOf() {} }],
    ])("refuses %s as a client", (_what, client) => {
      expect(() => construct(client, "foo", "bar")).toThrow(EtcdClientRequiredError);
    });

    it("refuses a key that is no string", () => {
      for (const key of [undefined, null, 5, {}, ["foo"]]) {
        expect(() => construct(etcd, key, "bar")).toThrow(KeyRequiredError);
      }
      expect(() => construct(etcd)).toThrow("key parameter of type String is required");
    });

    it("refuses a node id that is no string", () => {
      for (const nodeId of [undefined, null, 5, {}, ["bar"]]) {
        expect(() => construct(etcd, "foo", nodeId)).toThrow(NodeIdRequiredError);
      }
      expect(() => construct(etcd, "foo")).toThrow("node_id parameter of type String is required");
    });

    it("refuses a ttl that is no number", () => {
      for (const ttl of [Number.NaN, "abc", {}, [], [5], true, () => {}, 5n, Symbol("5"), "5s"]) {
        expect(() => construct(etcd, "foo", "bar", ttl)).toThrow(InvalidTtlError);
      }
      expect(() => construct(etcd, "foo", "bar", "x")).toThrow(
        "ttl parameter must be of type Number",
      );
    });

    it("refuses a ttl without end, which etcd could not take", () => {
      expect(() => construct(etcd, "foo", "bar", Number.POSITIVE_INFINITY)).toThrow(
        InvalidTtlError,
      );
      expect(() => construct(etcd, "foo", "bar", "Infinity")).toThrow(InvalidTtlError);
    });

    it("checks the arguments one after the other, and what the client can do last", () => {
      expect(() => construct(undefined, 1, 2, "x")).toThrow(EtcdClientRequiredError);
      expect(() => construct({}, 1, 2, "x")).toThrow(KeyRequiredError);
      expect(() => construct({}, "foo", 2, "x")).toThrow(NodeIdRequiredError);
      expect(() => construct({}, "foo", "bar", "x")).toThrow(InvalidTtlError);
      expect(() => construct({}, "foo", "bar", 1)).toThrow(EtcdClientRequiredError);
    });

    it("has sent nothing when it refuses", () => {
      expect(etcd.calls).toEqual([]);
    });

    it.each([
      [undefined, 1],
      [null, 1],
      [0, 1],
      [-5, 1],
      [0.2, 1],
      [1.5, 1.5],
      [10, 10],
      ["5", 5],
      ["0", 1],
    ])("takes a ttl of %j for %d seconds", (ttl, seconds) => {
      const client = new FakeNodeEtcd();
      const foo = construct(client, "foo", "bar", ttl);
      void foo.lock();
      expect(client.calls.at(-1)).toEqual([
        "set",
        "foo",
        "bar",
        { ttl: seconds, prevExist: false },
      ]);
    });
  });
});

/** What `new Etcd3().namespace("x/")` looks like. */
function namespaceOfEtcd3(): object {
  const leaseClient = { leaseGrant() {}, leaseRevoke() {}, leaseTimeToLive() {} };
  return {
    kv: { txn() {}, compact() {} },
    leaseClient: { ...leaseClient, leaseKeepAlive() {} },
    watchClient: { watch() {} },
  };
}
