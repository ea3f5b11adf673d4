import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockKey, prefixRange } from "../../src/core/keys.ts";
import { ClosedError, CompactedError, StoreDeniedError } from "../../src/errors.ts";
import type { Etcd, Watch, WatchObserver } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import Microlock from "../../src/microlock.ts";
import { FaultyEtcd } from "../support/faulty-etcd.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("QueueWatch", () => {
  const prefix = "microlock/foo/";
  let clock: SimulatedClock;
  let etcd: EmbeddedEtcd;
  let network: FaultyEtcd;
  let watching: { observer: WatchObserver; closed: boolean }[];
  let foo: Microlock;
  let seen: string[];

  /** A client whose watches the test can end. */
  function client(): { etcd: Etcd; clock: SimulatedClock; keyOf(name: string): string } {
    const watch: Etcd["watch"] = (request, observer) => {
      const opened = { observer, closed: false };
      watching.push(opened);
      const handle = etcd.watch(request, observer);
      return {
        close() {
          opened.closed = true;
          handle.close();
        },
      };
    };
    const port = { ...network.port, watch };
    return { etcd: port, clock, keyOf: (name) => lockKey("microlock/", name) };
  }

  function follow(lock: Microlock): void {
    lock.on("locked", () => seen.push("locked"));
    lock.on("unlocked", () => seen.push("unlocked"));
  }

  function end(error: Error): void {
    watching.at(-1)?.observer.onEnd(error);
  }

  beforeEach(async () => {
    clock = new SimulatedClock();
    etcd = new EmbeddedEtcd({ clock });
    network = new FaultyEtcd(etcd);
    watching = [];
    seen = [];
    foo = new Microlock(client(), "foo", "one", 10);
    follow(foo);
    await clock.advance(0);
  });

  afterEach(async () => {
    foo.destroy();
    await etcd.close();
  });

  it("tells nothing of a lock that was held before", async () => {
    await putKey(etcd, `${prefix}holder`);
    const other = new Microlock(client(), "foo", "two");
    seen = [];
    follow(other);
    await clock.advance(0);
    expect(seen).toEqual([]);
    await deleteKey(etcd, `${prefix}holder`);
    await clock.advance(0);
    expect(seen).toContain("unlocked");
    other.destroy();
  });

  it("tells that a lock has run out", async () => {
    await foo.lock();
    await clock.advance(0);
    expect(seen).toEqual(["locked"]);
    await clock.advance(11_000);
    expect(seen).toEqual(["locked", "unlocked"]);
  });

  it("looks again after a compaction, and tells what changed meanwhile", async () => {
    await putKey(etcd, `${prefix}first`);
    await clock.advance(0);
    expect(seen).toEqual(["locked"]);

    watching[0]?.observer.onEnd(new CompactedError(3n));
    await deleteKey(etcd, `${prefix}first`);
    await putKey(etcd, `${prefix}second`);
    await clock.advance(1);

    expect(seen.slice(-2)).toEqual(["unlocked", "locked"]);
    expect(watching).toHaveLength(2);
  });

  it("tells no error of a compaction", async () => {
    const errors: Error[] = [];
    foo.on("error", (error) => errors.push(error));
    end(new CompactedError(3n));
    await clock.advance(2_000);
    expect(errors).toEqual([]);
  });

  it("tells that etcd refuses it, to whoever listens, and asks again", async () => {
    const errors: Error[] = [];
    foo.on("error", (error) => errors.push(error));
    const denied = new StoreDeniedError("PERMISSION_DENIED", "etcdserver: permission denied");
    end(denied);
    expect(errors).toEqual([denied]);

    await putKey(etcd, `${prefix}holder`);
    await clock.advance(1_100);
    expect(seen).toContain("locked");
  });

  it("throws nothing when etcd refuses it and nobody listens", () => {
    expect(() => end(new StoreDeniedError("PERMISSION_DENIED", "no"))).not.toThrow();
  });

  it("looks again when its look got no answer", async () => {
    const errors: Error[] = [];
    network.fail((index) => (index === 0 ? "lost reply" : undefined));
    const other = new Microlock(client(), "foo", "two");
    other.on("error", (error) => errors.push(error));
    other.on("locked", () => seen.push("other locked"));
    await clock.advance(0);
    expect(errors).toHaveLength(1);

    await clock.advance(1_100);
    await other.lock();
    await clock.advance(0);
    expect(seen).toContain("other locked");
    other.destroy();
  });

  it("tells once that all entries were deleted at once", async () => {
    await putKey(etcd, `${prefix}first`);
    await putKey(etcd, `${prefix}second`);
    const range = prefixRange(prefix);
    await etcd.txn({ success: [{ op: "deleteRange", request: range }] });
    await clock.advance(0);
    expect(seen).toEqual(["locked", "unlocked"]);
  });

  it("does not hold up lock() when etcd refuses it", async () => {
    const { etcd: port, keyOf } = client();
    const denying: Etcd = {
      ...port,
      watch(_request, { onEnd }) {
        queueMicrotask(() => onEnd(new StoreDeniedError("PERMISSION_DENIED", "no")));
        return { close() {} };
      },
    };
    const other = new Microlock({ etcd: denying, clock, keyOf }, "foo", "two");
    const started = clock.now();
    await other.lock();
    expect(clock.now()).toBe(started);
    other.destroy();
  });

  it("tells of a lock that is locked before it has come to stand, since lock() waits for it", async () => {
    const { etcd: port, keyOf } = client();
    const slow: Etcd = {
      ...port,
      watch(request, observer) {
        let handle: Watch | undefined;
        const cancel = clock.setTimer(500, () => {
          handle = etcd.watch(request, observer);
        });
        return {
          close() {
            cancel();
            handle?.close();
          },
        };
      },
    };
    const other = new Microlock({ etcd: slow, clock, keyOf }, "foo", "two");
    const told: string[] = [];
    other.on("locked", () => told.push("locked"));
    const locking = other.lock();
    await clock.advance(600);
    await locking;
    await clock.advance(0);
    expect(told).toEqual(["locked"]);
    other.destroy();
  });

  it("is silent when the client is closed", async () => {
    const errors: Error[] = [];
    foo.on("error", (error) => errors.push(error));
    end(new ClosedError());
    await clock.advance(5_000);
    expect(errors).toEqual([]);
    expect(watching).toHaveLength(1);
  });

  it("does not hold up lock() when it cannot come to stand", async () => {
    const { etcd: port, keyOf } = client();
    const mute = { ...port, watch: () => ({ close() {} }) };
    const other = new Microlock({ etcd: mute, clock, keyOf }, "foo", "two");
    const locking = other.lock();
    await clock.advance(1_000);
    expect(await locking).toHaveProperty("fencingToken");
    other.destroy();
  });

  it.each([
    ["standing", () => {}],
    ["waiting to try again", () => end(new StoreDeniedError("PERMISSION_DENIED", "no"))],
    ["watching anew", () => end(new CompactedError(3n))],
    [
      "looking",
      async () => {
        network.fail(() => new Promise(() => {}));
        end(new CompactedError(3n));
        await clock.advance(1);
      },
    ],
    [
      "waiting to look again",
      async () => {
        network.fail(() => "lost request");
        end(new CompactedError(3n));
        await clock.advance(1);
      },
    ],
  ])("leaves no watch and no timer when it is destroyed while %s", async (_what, happen) => {
    await happen();
    foo.destroy();
    await clock.advance(0);
    expect(watching.at(-1)?.closed).toBe(true);
    expect(clock.timerCount).toBe(0);
    const opened = watching.length;
    await clock.advance(5_000);
    expect(watching).toHaveLength(opened);
  });

  it("leaves no timer when it is destroyed at once", () => {
    new Microlock(client(), "foo", "two").destroy();
    expect(clock.timerCount).toBe(0);
  });
});
