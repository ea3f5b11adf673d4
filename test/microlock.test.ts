import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import type { NodeEtcd, NodeEtcdResponse } from "../src/etcd/v2/node-etcd.ts";
import * as microlock from "../src/index.ts";
import Microlock, { events, type MicrolockAnswer } from "../src/microlock.ts";
import { FakeNodeEtcd, type FakeWatcher } from "./support/fake-node-etcd.ts";

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

describe("Microlock on a node-etcd client", () => {
  let etcd: FakeNodeEtcd;
  let foo: Microlock<FakeNodeEtcd>;
  let watcher: FakeWatcher;

  beforeEach(() => {
    etcd = new FakeNodeEtcd();
    foo = new Microlock(etcd, "foo", "bar", 5);
    const [first] = etcd.watchers;
    if (!first) throw new Error("There is no watcher");
    watcher = first;
  });

  afterEach(() => foo.destroy());

  it("watches its key from the start, as 1.2.1 did", () => {
    expect(etcd.calls).toEqual([["watcher", "foo"]]);
  });

  describe.each([
    ["lock", ["set", "foo", "bar", { ttl: 5, prevExist: false }]],
    ["unlock", ["compareAndDelete", "foo", "bar"]],
    ["renew", ["set", "foo", null, { prevValue: "bar", refresh: true, ttl: 5 }]],
  ] as const)("%s", (method, call) => {
    it("sends the request of 1.2.1, and nothing else, before it returns", () => {
      void foo[method]();
      expect(etcd.calls.slice(1)).toEqual([call]);
    });

    it("resolves with what the client answers", async () => {
      const answer = { action: "create", node: { key: "/foo", ttl: 5 } };
      const result = foo[method]();
      etcd.answer(answer);
      expect(await result).toBe(answer);
    });

    it("passes errors of other kinds on as they are", async () => {
      const other = method === "lock" ? [100, 101, 401] : [105, 401];
      for (const errorCode of other) {
        const error = Object.assign(new Error("etcd says no"), { errorCode });
        const result = foo[method]();
        etcd.refuse(error);
        await expect(result).rejects.toBe(error);
      }
      const result = foo[method]();
      etcd.refuse("no error at all");
      await expect(result).rejects.toBe("no error at all");
    });

    it("rejects with what the client throws", async () => {
      const error = new TypeError("bad client");
      vi.spyOn(etcd, method === "unlock" ? "compareAndDelete" : "set").mockImplementation(() => {
        throw error;
      });
      await expect(foo[method]()).rejects.toBe(error);
    });

    it("goes on to work after destroy()", async () => {
      foo.destroy();
      const result = foo[method]();
      etcd.answer({});
      expect(await result).toEqual({});
    });
  });

  it("rejects lock() with AlreadyLockedError for code 105", async () => {
    const locking = foo.lock();
    etcd.refuse(Object.assign(new Error("Key already exists"), { errorCode: 105 }));
    await expect(locking).rejects.toThrow(AlreadyLockedError);
    await expect(locking).rejects.toThrow('Lock "foo" is already locked');
  });

  it.each([
    ["unlock", 100],
    ["unlock", 101],
    ["renew", 100],
    ["renew", 101],
  ] as const)("rejects %s() with LockNotOwnedError for code %d", async (method, errorCode) => {
    const result = foo[method]();
    etcd.refuse(Object.assign(new Error("no"), { errorCode }));
    await expect(result).rejects.toThrow(LockNotOwnedError);
    await expect(result).rejects.toThrow('Lock "foo" is not owned by node "bar"');
  });

  describe("events", () => {
    let seen: unknown[];

    beforeEach(() => {
      seen = [];
      foo.on(events.locked, () => seen.push("locked"));
      foo.on(events.unlocked, () => seen.push("unlocked"));
    });

    it("are locked when somebody creates the key with a ttl", () => {
      watcher.happen({ action: "create", node: { value: "other", ttl: 5 } });
      expect(seen).toEqual(["locked"]);
    });

    it("are locked when somebody sets the key with a ttl, over the lock of another node too", () => {
      watcher.happen({ action: "set", node: { value: "bar", ttl: 5 } });
      watcher.happen({
        action: "set",
        node: { value: "other", ttl: 5 },
        prevNode: { value: "bar", ttl: 3 },
      });
      expect(seen).toEqual(["locked", "locked"]);
    });

    it("are none for a key without a ttl, which is no lock", () => {
      watcher.happen({ action: "set", node: { value: "bar" } });
      expect(seen).toEqual([]);
    });

    it("are none for a renewal", () => {
      const node = { value: "bar", ttl: 5 };
      for (const action of ["compareAndSwap", "update", "set"]) {
        watcher.happen({ action, node, prevNode: { value: "bar", ttl: 1 } });
      }
      expect(seen).toEqual([]);
    });

    it.each(["compareAndDelete", "delete", "expire"])("are unlocked once for %s", (action) => {
      watcher.happen({ action, node: {}, prevNode: { value: "bar", ttl: 1 } });
      expect(seen).toEqual(["unlocked"]);
    });
  });

  describe("error", () => {
    const refusal = Object.assign(new Error("no"), { errorCode: 105 });

    it("is emitted for a refusal when someone listens, and the call rejects with the same", async () => {
      const heard: unknown[] = [];
      foo.on("error", (error) => heard.push(error));
      const locking = foo.lock();
      etcd.refuse(refusal);
      const error = await locking.catch((reason: unknown) => reason);
      expect(heard).toEqual([error]);
      expect(error).toBeInstanceOf(AlreadyLockedError);
    });

    it("is not emitted when nobody listens: the call rejects with the refusal itself", async () => {
      const locking = foo.lock();
      etcd.refuse(refusal);
      await expect(locking).rejects.toThrow(AlreadyLockedError);
    });

    it("is not emitted for errors of other kinds, which only the caller gets", async () => {
      const heard = vi.fn<(error: Error) => void>();
      foo.on("error", heard);
      const locking = foo.lock();
      etcd.refuse(new Error("connection refused"));
      await expect(locking).rejects.toThrow("connection refused");
      expect(heard).not.toHaveBeenCalled();
    });

    it("throws nothing out of the watcher when nobody listens", () => {
      expect(() => watcher.emit("error", new Error("unexpected response"))).not.toThrow();
    });

    it("passes the watcher's errors on when someone listens", () => {
      const error = new Error("unexpected response");
      const heard = vi.fn<(error: Error) => void>();
      foo.on("error", heard);
      watcher.emit("error", error);
      expect(heard).toHaveBeenCalledExactlyOnceWith(error);
    });
  });

  describe("destroy", () => {
    it("stops the watcher once, and removes all listeners on both sides", () => {
      foo.on("locked", () => {}).on("error", () => {});
      foo.destroy();
      foo.destroy();
      expect(watcher.stops).toBe(1);
      expect(watcher.eventNames()).toEqual([]);
      expect(foo.eventNames()).toEqual([]);
    });

    it("does without a way to remove listeners from the watcher", () => {
      const bare = { on() {}, stop: vi.fn<() => void>() };
      vi.spyOn(etcd, "watcher").mockReturnValue(Object.assign(watcher, bare));
      Object.defineProperty(watcher, "removeListener", { value: undefined });
      const lock = new Microlock(etcd, "foo", "bar");
      lock.destroy();
      expect(bare.stop).toHaveBeenCalledTimes(1);
    });

    it("closes what a stopped watcher opens afterwards", () => {
      const aborts: string[] = [];
      const request = (name: string): object => ({ abort: () => aborts.push(name) });
      const reconnecting = Object.assign(watcher, { request: request("old") });
      foo.destroy();
      reconnecting.request = request("new");
      expect(aborts).toEqual(["new"]);
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
