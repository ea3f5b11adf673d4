import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prefixRange } from "../../src/core/keys.ts";
import { ClosedError, CompactedError } from "../../src/errors.ts";
import type { Etcd } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { QueueWatch } from "../../src/legacy/queue-watch.ts";
import { abortable } from "../../src/signals.ts";
import { FaultyEtcd } from "../support/faulty-etcd.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { SimulatedClock, settle } from "../support/simulated-clock.ts";

describe("QueueWatch, between a look and its answer,", () => {
  const prefix = "microlock/foo/";
  let clock: SimulatedClock;
  let etcd: EmbeddedEtcd;
  let network: FaultyEtcd;

  beforeEach(() => {
    clock = new SimulatedClock();
    etcd = new EmbeddedEtcd({ clock });
    network = new FaultyEtcd(etcd);
  });
  afterEach(() => etcd.close());

  /** A watch without the class around it, which writes down what it tells. */
  function open(told: string[], port = network.port, onUnlocked = (): void => {}): QueueWatch {
    return new QueueWatch(port, clock, prefixRange(prefix), {
      onLocked: () => told.push("locked"),
      onUnlocked: () => {
        told.push("unlocked");
        onUnlocked();
      },
      onError: (error) => told.push(error.name),
    });
  }

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
    let onEnd = (_error: Error): void => {};
    const port: Etcd = {
      ...network.port,
      watch(request, observer) {
        onEnd = (error) => observer.onEnd(error);
        return etcd.watch(request, observer);
      },
      txn: async (request) => {
        const answer = await etcd.txn(request);
        await new Promise<void>((resolve) => replies.push(resolve));
        return answer;
      },
    };
    const told: string[] = [];
    const watch = open(told, port);
    await clock.advance(0);
    onEnd(new CompactedError(3n));
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

  it("leaves no timer when it is closed while its look is under way", async () => {
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
