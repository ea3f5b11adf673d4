import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf, lockKey, prefixEnd } from "../../src/core/keys.ts";
import { ClosedError, CompactedError, StoreDeniedError } from "../../src/errors.ts";
import type { Etcd, Watch, WatchObserver } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { queueRange } from "../../src/legacy/queue-entry.ts";
import { QueueWatch } from "../../src/legacy/queue-watch.ts";
import Microlock from "../../src/microlock.ts";
import { abortable } from "../../src/signals.ts";
import { FaultyEtcd } from "../support/faulty-etcd.ts";
import { deleteKey, putKey } from "../support/queue.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

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

  /** A watch without the class around it, which writes down what it tells. */
  function open(told: string[], port = network.port, onUnlocked = (): void => {}): QueueWatch {
    return new QueueWatch(port, clock, queueRange(prefix), {
      onLocked: () => told.push("locked"),
      onUnlocked: () => {
        told.push("unlocked");
        onUnlocked();
      },
      onError: (error) => told.push(error.name),
    });
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
    const range = { key: bytesOf(prefix), rangeEnd: prefixEnd(bytesOf(prefix)) };
    await etcd.txn({ success: [{ op: "deleteRange", request: range }] });
    await clock.advance(0);
    expect(seen).toEqual(["locked", "unlocked"]);
  });

  it("tells nothing of what its first look saw already", async () => {
    network.fail(async (index) => {
      if (index !== 0) return undefined;
      await putKey(etcd, `${prefix}brief`);
      await deleteKey(etcd, `${prefix}brief`);
      await settle();
      return undefined;
    });
    const told: string[] = [];
    const watch = open(told);
    await clock.advance(0);
    await clock.advance(0);
    expect(told).toEqual([]);
    watch.close();
  });

  it("tells of what happens while its look is under way", async () => {
    let reply = (): void => {};
    const held = new Promise<void>((resolve) => {
      reply = resolve;
    });
    const port: Etcd = {
      ...network.port,
      txn: async (request) => {
        const answer = await etcd.txn(request);
        await held;
        return answer;
      },
    };
    const told: string[] = [];
    const watch = open(told, port);
    await clock.advance(0);
    await putKey(etcd, `${prefix}holder`);
    await clock.advance(0);
    expect(told).toEqual([]);
    reply();
    await clock.advance(0);
    expect(told).toEqual(["locked"]);
    watch.close();
  });

  it("believes its latest look only, when two overlap", async () => {
    const replies: (() => void)[] = [];
    const { etcd: watched } = client();
    const port: Etcd = {
      ...watched,
      txn: async (request) => {
        const answer = await etcd.txn(request);
        await new Promise<void>((resolve) => replies.push(resolve));
        return answer;
      },
    };
    const told: string[] = [];
    const watch = open(told, port);
    await clock.advance(0);
    end(new CompactedError(3n));
    await clock.advance(1);
    expect(replies).toHaveLength(2);

    replies[0]?.();
    await clock.advance(0);
    await putKey(etcd, `${prefix}holder`);
    await clock.advance(0);
    replies[1]?.();
    await clock.advance(0);
    expect(told).toEqual(["locked"]);
    await deleteKey(etcd, `${prefix}holder`);
    await clock.advance(0);
    expect(told).toEqual(["locked", "unlocked"]);
    watch.close();
  });

  it("tells nothing more once a listener has closed it", async () => {
    const told: string[] = [];
    const watch: QueueWatch = open(told, network.port, () => watch.close());
    await clock.advance(0);
    await putKey(etcd, `${prefix}first`);
    await putKey(etcd, `${prefix}second`);
    await deleteKey(etcd, `${prefix}first`);
    await clock.advance(0);
    expect(told).toEqual(["locked", "unlocked"]);
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

  it("looks no more when its look finds the client closed", async () => {
    const told: string[] = [];
    const watch = open(told, {
      ...network.port,
      txn: async () => {
        throw new ClosedError();
      },
    });
    const before = clock.timerCount;
    await clock.advance(0);
    await watch.standing;
    expect(told).toEqual([]);
    expect(clock.timerCount).toBeLessThan(before);
    watch.close();
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

  it("leaves no timer when it is destroyed at once, or while etcd cuts its look short", async () => {
    new Microlock(client(), "foo", "two").destroy();
    expect(clock.timerCount).toBe(0);

    const port: Etcd = {
      ...network.port,
      txn: (_request, options) => abortable(new Promise(() => {}), options?.signal),
    };
    const told: string[] = [];
    const watch = open(told, port);
    await clock.advance(0);
    watch.close();
    await clock.advance(0);
    expect(clock.timerCount).toBe(0);
    expect(told).toEqual([]);
  });
});
