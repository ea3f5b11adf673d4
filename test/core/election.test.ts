import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import type { Election, Leader, Leadership } from "../../src/core/election.ts";
import {
  AlreadyLockedError,
  ClosedError,
  CompactedError,
  InvalidOptionError,
  StoreDeniedError,
  StoreError,
  StoreUnavailableError,
} from "../../src/errors.ts";
import type { Watch, WatchObserver } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

/** Whether a promise has settled by now. */
function seen<T>(promise: Promise<T>): { done: boolean } {
  const state = { done: false };
  const note = (): void => {
    state.done = true;
  };
  promise.then(note, note);
  return state;
}

describe("Election", () => {
  let bench: Bench;
  let one: Locks;
  let two: Locks;
  let here: Election;
  let there: Election;

  beforeEach(async () => {
    bench = openBench();
    one = await bench.client({ nodeId: "one" });
    two = await bench.client({ nodeId: "two" });
    here = one.election("boss");
    there = two.election("boss");
  });

  afterEach(async () => {
    for (const name of ["txn", "watch", "leaseGrant", "leaseKeepAlive"] as const) {
      bench.etcd.override(name, undefined);
    }
    expect(await bench.leftovers()).toEqual(nothing);
  });

  describe("campaign", () => {
    it("leads in one round trip when nobody does, and resigns in one", async () => {
      const leadership = await here.campaign("web-1");
      expect(leadership).toMatchObject({ value: "web-1", name: "boss", held: true });
      expect(leadership.mode).toBe("election");
      await leadership.resign();

      expect(bench.etcd.calls.txn).toBe(2);
      expect(leadership.held).toBe(false);
    });

    it("has one lead at a time, in the order in which they came, also in one process", async () => {
      const first = await here.campaign("1");
      const others: Promise<Leadership>[] = [];
      for (const [index, election] of [here, there, here].entries()) {
        others.push(election.campaign(`${index + 2}`));
        await settle();
      }
      const states = others.map(seen);
      const values: string[] = [];
      let leadership = first;
      for (const [index, next] of others.entries()) {
        await settle();
        expect(states.map(({ done }) => done)).toEqual([0, 1, 2].map((at) => at < index));
        await leadership.resign();
        leadership = await next;
        values.push(leadership.value);
      }
      await leadership.resign();

      expect(values).toEqual(["2", "3", "4"]);
    });

    it("gives up when its time is over, or its signal aborts, and leaves nothing", async () => {
      const leadership = await here.campaign("web-1");
      const controller = new AbortController();
      const aborted = there.campaign("web-2", { signal: controller.signal }).catch((e) => e);
      const late = there.campaign("web-3", { waitMs: 50 }).catch((e) => e);
      const instant = there.campaign("web-4", { waitMs: 0 }).catch((e) => e);
      await bench.clock.advance(50);
      controller.abort(new Error("enough"));

      expect(await late).toBeInstanceOf(AlreadyLockedError);
      expect(await instant).toBeInstanceOf(AlreadyLockedError);
      expect(await aborted).toMatchObject({ message: "enough" });
      expect(await bench.keys()).toEqual([leadership.key]);
      await leadership.resign();
    });

    it("takes turns with a candidate of Go's, which looks like a plain lock", async () => {
      const foreign = `${one.keyOf("boss")}/694d8f`;
      await putKey(bench.store, foreign, "go-1");
      expect(await here.leader()).toMatchObject({ value: "go-1", key: foreign });
      const campaigning = here.campaign("web-1");
      await settle();
      await deleteKey(bench.store, foreign);

      await (await campaigning).resign();
    });

    it.each([undefined, 1, null, "\ud800", new Uint8Array()])("can't propose %j", async (value) => {
      await expect(here.campaign(value as string)).rejects.toThrow(InvalidOptionError);
      await expect(here.lead(value as string, () => {})).rejects.toThrow(InvalidOptionError);
    });

    it("may propose nothing at all", async () => {
      const leadership = await here.campaign("");
      expect(await there.leader()).toMatchObject({ value: "" });
      await leadership.resign();
    });
  });

  describe("leader", () => {
    it("is nobody when nobody leads, and in one round trip", async () => {
      expect(await here.leader()).toBeUndefined();
      expect(bench.etcd.calls.txn).toBe(1);
    });

    it("is whoever came first, with its token, and what it proclaimed last", async () => {
      const leadership = await here.campaign("web-1");
      const waiting = there.campaign("web-2");
      await settle();
      const { key, fencingToken } = leadership;
      expect(await there.leader()).toEqual({
        value: "web-1",
        key,
        fencingToken,
        revision: fencingToken,
      });
      await leadership.proclaim("web-1, warmed up");
      expect(leadership.value).toBe("web-1, warmed up");
      const leader = await there.leader();
      expect(leader).toMatchObject({ value: "web-1, warmed up", key, fencingToken });
      expect(leader?.revision).toBeGreaterThan(fencingToken);

      await leadership.resign();
      const next = await waiting;
      expect(await here.leader()).toMatchObject({ value: "web-2", key: next.key });
      await next.resign();
    });
  });

  describe("proclaim", () => {
    it("writes nothing once the leadership is lost, and tells so", async () => {
      const leadership = await here.campaign("web-1");
      await deleteKey(bench.store, leadership.key);
      await expect(leadership.proclaim("web-1, still")).rejects.toMatchObject({
        code: "LOCK_LOST",
        reason: "deleted",
      });

      expect(leadership.value).toBe("web-1");
      expect(await here.leader()).toBeUndefined();
      await expect(leadership.resign()).rejects.toMatchObject({ reason: "deleted" });
    });

    it("never writes over a later leader with the same key", async () => {
      const leadership = await here.campaign("web-1");
      await deleteKey(bench.store, leadership.key);
      await putKey(bench.store, leadership.key, "somebody else");
      await expect(leadership.proclaim("web-1")).rejects.toMatchObject({ code: "LOCK_LOST" });

      expect(await here.leader()).toMatchObject({ value: "somebody else" });
      await leadership.resign().catch(() => {});
      await settle();
      await deleteKey(bench.store, leadership.key);
    });

    it("is no use after resigning", async () => {
      const leadership = await here.campaign("web-1");
      await leadership.resign();
      await expect(leadership.proclaim("x")).rejects.toMatchObject({ reason: "released" });
      await expect(leadership.resign()).resolves.toBeUndefined();
    });

    it("takes strings only", async () => {
      const leadership = await here.campaign("web-1");
      await expect(leadership.proclaim(7 as unknown as string)).rejects.toThrow(InvalidOptionError);
      await leadership.resign();
    });

    it("proclaims once when the answer gets lost", async () => {
      const leadership = await here.campaign("web-1");
      let lost = false;
      bench.etcd.override("txn", async (request, options) => {
        const answer = await bench.store.txn(request, options);
        if (lost) return answer;
        lost = true;
        throw new StoreUnavailableError("lost");
      });
      const proclaiming = leadership.proclaim("web-1, warm");
      await bench.clock.advance(300);
      await proclaiming;

      expect(await there.leader()).toMatchObject({ value: "web-1, warm" });
      await leadership.resign();
    });
  });

  describe("observe", () => {
    /** Reads along, as a `for await` does. */
    function follow(feed: AsyncIterable<Leader>): { values: string[]; ended: Promise<unknown> } {
      const values: string[] = [];
      const ended = (async () => {
        for await (const { value } of feed) values.push(value);
      })().catch((error: unknown) => error);
      return { values, ended };
    }

    it("tells who leads now, each change of leader, and all that is proclaimed", async () => {
      const leadership = await here.campaign("1");
      const { values, ended } = follow(there.observe());
      await settle();
      const next = there.campaign("2");
      await settle();
      await leadership.proclaim("1, warm");
      await settle();
      await leadership.resign();
      await (await next).resign();
      await settle();
      const last = await here.campaign("3");
      await settle();

      expect(values).toEqual(["1", "1, warm", "2", "3"]);
      await last.resign();
      await two.close();
      await ended;
    });

    it("tells nothing of candidates, nor anything twice", async () => {
      const leadership = await here.campaign("1");
      const { values } = follow(here.observe());
      await settle();
      const controller = new AbortController();
      const waiting = there.campaign("2", { signal: controller.signal }).catch(() => {});
      await settle();
      controller.abort();
      await waiting;
      await bench.clock.advance(20_000);

      expect(values).toEqual(["1"]);
      await leadership.resign();
    });

    it("leaves out what was over before it was asked for, and ends with the latest", async () => {
      const leadership = await here.campaign("0");
      const feed = there.observe();
      await settle();
      for (let index = 1; index <= 50; index++) await leadership.proclaim(`${index}`);
      await settle();

      expect((await feed.next()).value).toMatchObject({ value: "50" });
      const next = feed.next();
      await leadership.proclaim("51");
      expect((await next).value).toMatchObject({ value: "51" });
      await feed.return?.();
      await leadership.resign();
    });

    it("does not tell of a leader who was gone before anybody asked", async () => {
      const leadership = await here.campaign("gone");
      const feed = there.observe();
      await settle();
      await leadership.resign();
      await settle();
      const next = feed.next();
      const state = seen(next);
      await settle();

      expect(state.done).toBe(false);
      const later = await here.campaign("there");
      expect((await next).value).toMatchObject({ value: "there" });
      await later.resign();
      await feed.return?.();
    });

    it("goes on after a compaction, and learns what happened meanwhile", async () => {
      const opened: { observer: WatchObserver; watch: Watch }[] = [];
      bench.etcd.override("watch", (request, observer) => {
        const watch = bench.store.watch(request, observer);
        opened.push({ observer, watch });
        return watch;
      });
      const leadership = await here.campaign("1");
      const { values } = follow(there.observe());
      await settle();
      const [{ observer, watch }] = opened as [(typeof opened)[0]];
      bench.etcd.override("watch", undefined);
      watch.close();
      observer.onEnd(new CompactedError(1n));
      await leadership.proclaim("2");
      await settle();
      expect(values).toEqual(["1"]);
      await bench.clock.advance(0);

      expect(values).toEqual(["1", "2"]);
      await leadership.resign();
    });

    it("tells what happened while the answer to its first read was under way", async () => {
      const leadership = await here.campaign("1");
      let answer = (): void => {};
      bench.etcd.override("txn", async (request, options) => {
        const result = await bench.store.txn(request, options);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return result;
      });
      const { values } = follow(there.observe());
      await settle();
      bench.etcd.override("txn", undefined);
      await leadership.proclaim("2");
      await settle();
      answer();
      await settle();

      expect(values.at(-1)).toBe("2");
      await leadership.resign();
    });

    it("does not tell again what its first read has seen already", async () => {
      const leadership = await here.campaign("1");
      let send = (): void => {};
      bench.etcd.override("txn", async (request, options) => {
        await new Promise<void>((resolve) => {
          send = resolve;
        });
        return bench.store.txn(request, options);
      });
      const { values } = follow(there.observe());
      await settle();
      bench.etcd.override("txn", undefined);
      await leadership.proclaim("2");
      await leadership.proclaim("3");
      await settle();
      send();
      await settle();

      expect(values).toEqual(["3"]);
      await leadership.resign();
    });

    it("does not fall back behind what it told, when two reads overlap", async () => {
      const observers: WatchObserver[] = [];
      bench.etcd.override("watch", (request, observer) => {
        observers.push(observer);
        return bench.store.watch(request, observer);
      });
      const leadership = await here.campaign("1");
      let answer = (): void => {};
      bench.etcd.override("txn", async (request, options) => {
        const result = await bench.store.txn(request, options);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return result;
      });
      const { values } = follow(there.observe());
      await settle();
      bench.etcd.override("txn", undefined);
      // The watch ends and stands again while its first read is under way, and nothing has happened.
      observers[0]?.onEnd(new CompactedError(1n));
      await bench.clock.advance(0);
      await settle();
      await leadership.proclaim("2");
      await settle();
      answer();
      await settle();
      await leadership.proclaim("3");
      await settle();

      expect(values).toEqual(["1", "2", "3"]);
      await leadership.resign();
    });

    it("goes on when etcd refuses to watch for a while", async () => {
      let refused = 0;
      bench.etcd.override("watch", (request, observer) => {
        refused += 1;
        if (refused > 2) return bench.store.watch(request, observer);
        queueMicrotask(() => observer.onEnd(new StoreError("INTERNAL", "no")));
        return { close() {} };
      });
      const leadership = await here.campaign("1");
      const { values } = follow(there.observe());
      await bench.clock.advance(5_000);

      expect(values).toEqual(["1"]);
      await leadership.resign();
    });

    it("ends when the client is closed", async () => {
      const { values, ended } = follow(there.observe());
      await settle();
      await two.close();

      expect(await ended).toBeUndefined();
      expect(values).toEqual([]);
    });

    it("ends with the reason of its signal", async () => {
      const controller = new AbortController();
      const { ended } = follow(there.observe({ signal: controller.signal }));
      await settle();
      controller.abort(new Error("enough"));

      expect(await ended).toMatchObject({ message: "enough" });
    });

    it("ends at once with a signal that has aborted, or a client that is closed", async () => {
      const signal = AbortSignal.abort(new Error("before"));
      expect(await follow(there.observe({ signal })).ended).toMatchObject({ message: "before" });
      await two.close();
      expect(await follow(there.observe()).ended).toBeUndefined();
    });

    it("stops watching when the loop is left", async () => {
      const leadership = await here.campaign("1");
      const before = bench.etcd.openWatches;
      for await (const { value } of there.observe()) {
        expect(value).toBe("1");
        break;
      }

      expect(bench.etcd.openWatches).toBe(before);
      await leadership.resign();
    });

    it("sees what is proclaimed by a plain lock's holder, who keeps all others from leading", async () => {
      const plain = await one.acquire("boss");
      expect((await there.leader())?.key).toBe(plain.key);
      await plain.release();
    });
  });

  describe("lead", () => {
    it("does the work while it leads, term after term, until its signal aborts", async () => {
      const controller = new AbortController();
      const tokens: bigint[] = [];
      const leading = here.lead("web-1", { signal: controller.signal }, (leadership) => {
        tokens.push(leadership.fencingToken);
        if (tokens.length === 3) controller.abort();
      });
      await bench.clock.advance(10_000);
      await leading;

      expect(tokens).toHaveLength(3);
      expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
      expect(await bench.keys()).toEqual([]);
    });

    it("lets timers fire though its terms end at once", async () => {
      const locks = await connect({ store: new EmbeddedEtcd() });
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), 20);
      let terms = 0;
      await locks.election("boss").lead("web-1", { signal: controller.signal }, () => {
        terms += 1;
        if (terms === 2_000) controller.abort(new Error("too many terms"));
      });
      clearTimeout(timer);
      await locks.close();

      expect(terms).toBeLessThan(2_000);
    });

    it("lets others lead between its terms", async () => {
      const controller = new AbortController();
      const terms: string[] = [];
      const work = ({ value }: Leadership): void => {
        terms.push(value);
        if (terms.length === 6) controller.abort();
      };
      const { signal } = controller;
      const all = [here.lead("a", { signal }, work), there.lead("b", { signal }, work)];
      await bench.clock.advance(10_000);
      await Promise.all(all);

      expect(new Set(terms)).toEqual(new Set(["a", "b"]));
    });

    it("aborts the term's signal when it is to stop, and resigns once the work has ended", async () => {
      const controller = new AbortController();
      let finish = (): void => {};
      let term: Leadership | undefined;
      const leading = here.lead("web-1", { signal: controller.signal }, async (leadership) => {
        term = leadership;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        throw new Error("does not matter any more");
      });
      await settle();
      const { signal } = term as Leadership;
      const state = seen(leading);
      expect(signal.aborted).toBe(false);
      controller.abort(new Error("deploy"));
      await settle();

      expect(signal.reason).toMatchObject({ message: "deploy" });
      expect(term?.held).toBe(true);
      expect(state.done).toBe(false);
      expect(await bench.keys()).toHaveLength(1);
      finish();
      await leading;
      expect(await bench.keys()).toEqual([]);
    });

    it("begins the next term only when the work of a lost one has ended", async () => {
      const controller = new AbortController();
      const story: string[] = [];
      const finish: (() => void)[] = [];
      const leading = here.lead("web-1", { signal: controller.signal }, async (leadership) => {
        const { fencingToken, signal } = leadership;
        story.push("begins");
        signal.addEventListener("abort", () => story.push("lost"));
        await new Promise<void>((resolve) => finish.push(resolve));
        expect(leadership.fencingToken).toBe(fencingToken);
        story.push("ends");
      });
      await bench.clock.advance(30);
      const [key = ""] = await bench.keys();
      await deleteKey(bench.store, key);
      await bench.clock.advance(60_000);
      expect(story).toEqual(["begins", "lost"]);
      expect(await bench.keys()).toEqual([]);
      finish[0]?.();
      await bench.clock.advance(5_000);

      expect(story).toEqual(["begins", "lost", "ends", "begins"]);
      controller.abort();
      finish[1]?.();
      await leading;
    });

    it("leads again after its session was lost", async () => {
      const controller = new AbortController();
      let terms = 0;
      const leading = here.lead("web-1", { signal: controller.signal }, async ({ signal }) => {
        terms += 1;
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      });
      await settle();
      const [key = ""] = await bench.keys();
      await bench.store.leaseRevoke(BigInt(`0x${key.split("/").at(-1)?.split("-")[0]}`));
      await bench.clock.advance(10_000);

      expect(terms).toBe(2);
      controller.abort();
      await leading;
    });

    it("rejects with what the work throws while it leads, after resigning", async () => {
      await expect(
        here.lead("web-1", () => {
          throw new Error("broken");
        }),
      ).rejects.toThrow("broken");
      expect(await bench.keys()).toEqual([]);
    });

    it("waits for its turn, and stops waiting when its signal aborts", async () => {
      const leadership = await here.campaign("web-1");
      const controller = new AbortController();
      let terms = 0;
      const leading = there.lead("web-2", { signal: controller.signal }, () => {
        terms += 1;
      });
      await bench.clock.advance(20_000);
      controller.abort();
      await leading;

      expect(terms).toBe(0);
      expect(await bench.keys()).toEqual([leadership.key]);
      await leadership.resign();
    });

    it("does nothing with a signal that has aborted before", async () => {
      let terms = 0;
      await here.lead("web-1", { signal: AbortSignal.abort() }, () => {
        terms += 1;
      });
      expect(terms).toBe(0);
      expect(bench.etcd.calls.txn).toBe(0);
    });

    it("ends when the client is closed, once the work has ended", async () => {
      let ended = false;
      const leading = here.lead("web-1", async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        ended = true;
      });
      const waiting = there.lead("web-2", () => {});
      await settle();
      await two.close();
      await waiting;
      await one.close();
      await leading;

      expect(ended).toBe(true);
      await expect(here.lead("web-1", () => {})).rejects.toThrow(ClosedError);
    });

    it("has close wait for the work of a term", async () => {
      let ended = false;
      const leading = here.lead("web-1", async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        await new Promise<void>((resolve) => bench.clock.setTimer(3_000, resolve));
        ended = true;
      });
      await settle();
      const closing = one.close();
      const state = seen(closing);
      await bench.clock.advance(2_900);
      expect([state.done, ended]).toEqual([false, false]);
      await bench.clock.advance(200);
      await closing;
      await leading;

      expect(ended).toBe(true);
    });

    it("stands again when its place is lost while it waits", async () => {
      const leadership = await here.campaign("web-1");
      const controller = new AbortController();
      let terms = 0;
      const leading = there.lead("web-2", { signal: controller.signal }, () => {
        terms += 1;
        controller.abort();
      });
      await settle();
      const mine = (await bench.keys()).find((key) => key !== leadership.key) ?? "";
      await deleteKey(bench.store, mine);
      await bench.clock.advance(2_000);
      expect(await bench.keys()).toHaveLength(2);
      await leadership.resign();
      await leading;

      expect(terms).toBe(1);
    });

    it("goes on asking while etcd does not answer", async () => {
      bench.etcd.override("txn", async () => {
        throw new StoreUnavailableError("nobody there");
      });
      const controller = new AbortController();
      let terms = 0;
      const leading = here.lead("web-1", { signal: controller.signal }, async ({ signal }) => {
        terms += 1;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      });
      await bench.clock.advance(40_000);
      expect(terms).toBe(0);
      bench.etcd.override("txn", undefined);
      await bench.clock.advance(10_000);

      expect(terms).toBe(1);
      controller.abort();
      await leading;
    });

    it("stops at once, and goes on asking until then, when it has no session any more", async () => {
      const lost = await here.campaign("before");
      await bench.store.leaseRevoke(BigInt(`0x${lost.key.split("/").at(-1)?.split("-")[0]}`));
      await settle();
      bench.etcd.override("leaseGrant", async () => {
        throw new StoreUnavailableError("nobody there");
      });
      const controller = new AbortController();
      const leading = here.lead("web-1", { signal: controller.signal }, () => {});
      const state = seen(leading);
      await bench.clock.advance(120_000);
      expect(state.done).toBe(false);
      controller.abort();
      await settle();

      expect(state.done).toBe(true);
      await leading;
    });

    it("rejects when etcd refuses", async () => {
      bench.etcd.override("txn", async () => {
        throw new StoreDeniedError("PERMISSION_DENIED", "etcdserver: permission denied");
      });
      const leading = here.lead("web-1", () => {}).catch((error) => error);
      await bench.clock.advance(5_000);
      bench.etcd.override("txn", undefined);
      await bench.clock.advance(5_000);

      expect(await leading).toBeInstanceOf(StoreDeniedError);
    });

    it("never has two terms at once in one process, however often it is called", async () => {
      const controller = new AbortController();
      let working = 0;
      let terms = 0;
      const work = async (): Promise<void> => {
        working += 1;
        terms += 1;
        expect(working).toBe(1);
        await new Promise<void>((resolve) => bench.clock.setTimer(7, resolve));
        working -= 1;
      };
      const { signal } = controller;
      const all = [here, here, there].map((each) => each.lead("x", { signal }, work));
      await bench.clock.advance(500);
      controller.abort();
      await bench.clock.advance(500);
      await Promise.all(all);

      expect(terms).toBeGreaterThan(30);
    });
  });
});
