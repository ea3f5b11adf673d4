import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AlreadyLockedError, LockNotOwnedError } from "../../src/errors.ts";
import Microlock, { events } from "../../src/microlock.ts";
import { FakeNodeEtcd, type FakeWatcher } from "../support/fake-node-etcd.ts";

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
