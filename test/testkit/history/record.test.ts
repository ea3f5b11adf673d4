import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, type Etcd, type Locks } from "../../../src/index.ts";
import {
  History,
  noLostWakeUp,
  SimulatedClock,
  SimulatedCluster,
  SimulatedNetwork,
  startEtcd,
} from "../../../src/testkit/index.ts";
import { deleteKey } from "../../support/keys.ts";

describe("a recorded client", () => {
  let clock: SimulatedClock;
  let cluster: SimulatedCluster;
  let history: History;
  let locks: Locks;

  beforeEach(async () => {
    clock = new SimulatedClock();
    cluster = new SimulatedCluster({ clock });
    history = new History({ store: cluster, clock });
    locks = history.record(await connect({ store: cluster, clock, nodeId: "web-1" }), "web");
  });

  afterEach(() => locks.close());

  /** What was told, a line each. */
  const told = (): readonly string[] =>
    history.events.map((event) =>
      [event.who, event.kind, "name" in event ? event.name : "", "mode" in event ? event.mode : ""]
        .concat("permits" in event && event.permits > 1 ? [String(event.permits)] : [])
        .join(" ")
        .trim(),
    );
  const nothing = async (): Promise<void> => {};

  /** A client in a process of its own, behind a network. */
  async function far() {
    const process = clock.process();
    const network = new SimulatedNetwork(cluster, { clock, process });
    const connecting = connect({ store: network, clock: process, ttlMs: 5_000 });
    await clock.advance(100);
    return { process, network, client: await connecting };
  }

  it.each<[string, () => Promise<unknown>, readonly string[]]>([
    ["acquire", async () => (await locks.acquire("x")).release(), ["exclusive"]],
    ["tryAcquire", async () => (await locks.tryAcquire("x"))?.release(), ["exclusive"]],
    ["run", () => locks.run("x", nothing), ["exclusive"]],
    ["run with options", () => locks.run("x", { waitMs: 5 }, nothing), ["exclusive"]],
    ["once", () => locks.once("x", { everyMs: 60_000 }, nothing), ["exclusive"]],
    ["request", () => locks.request("x", nothing), ["exclusive"]],
    ["request of a shared one", () => locks.request("x", { mode: "shared" }, nothing), ["read"]],
    ["mutex", () => locks.mutex("x").run(nothing), ["exclusive"]],
    ["a reader", () => locks.rwLock("x").read.run(nothing), ["read"]],
    ["a writer", () => locks.rwLock("x").write.run(nothing), ["write"]],
    ["permits", () => locks.semaphore("x", 3).run({ permits: 2 }, nothing), ["permits 2"]],
    ["a campaign", async () => (await locks.election("x").campaign("me")).resign(), ["election"]],
  ])("tells of %s who asked, got and left", async (_, ask, [mode]) => {
    await ask();

    expect(told()).toEqual(["asked", "got", "left"].map((kind) => `web/1 ${kind} x ${mode}`));
    expect(history.requests).toMatchObject([{ who: "web/1", token: expect.any(BigInt) }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["acquire", async () => (await locks.acquire(["x", "y"])).release()],
    ["tryAcquire", async () => (await locks.tryAcquire(["x", "y"]))?.release()],
    ["run", () => locks.run(["x", "y"], nothing)],
    ["run with options", () => locks.run(["x", "y"], { waitMs: 5 }, nothing)],
  ])("tells of each of several names that %s asks for at once", async (_, ask) => {
    await ask();

    const each = (kind: string) => [`web/1 ${kind} x exclusive`, `web/1 ${kind} y exclusive`];
    expect(told()).toEqual(["asked", "got", "left"].flatMap(each));
  });

  it("tells of each term of an election", async () => {
    const end = new AbortController();
    let terms = 0;

    const leading = locks.election("x").lead("me", { signal: end.signal }, async () => {
      terms += 1;
      if (terms === 2) end.abort();
    });
    await clock.advance(1_000);
    await leading;

    expect(history.requests.map(({ mode, end: how }) => `${mode} ${how}`)).toEqual([
      "election left",
      "election left",
    ]);
  });

  it("tells that a writer shares from then on", async () => {
    const hold = await locks.rwLock("x").write.acquire();
    await hold.downgrade();
    await hold.downgrade();
    await hold.release();

    expect(told().map((line) => line.split(" ")[1])).toEqual(["asked", "got", "shares", "left"]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ["tryAcquire", () => locks.tryAcquire("x"), "somebody else has it"],
    ["tryAcquire of several", () => locks.tryAcquire(["x", "y"]), "somebody else has it"],
    ["acquire", () => locks.acquire("x", { waitMs: 0 }), "ALREADY_LOCKED"],
    ["run of several", () => locks.run(["x", "y"], { waitMs: 0 }, nothing), "ALREADY_LOCKED"],
    ["once", () => locks.once("x", { everyMs: 60_000 }, nothing), "somebody else has it"],
    ["request", () => locks.request("x", { ifAvailable: true }, nothing), "somebody else has it"],
    ["acquire", () => locks.acquire("x", { signal: AbortSignal.abort() }), "AbortError"],
  ])("tells that %s was in vain, and why", async (_, ask, why) => {
    await using _hold = await locks.acquire("x");

    await ask().catch(() => {});

    expect(history.requests.slice(1).every((each) => each.end === "gave up")).toBe(true);
    expect(history.requests.at(-1)).toMatchObject({
      who: "web/2",
      why: expect.stringMatching(why),
    });
  });

  it("counts a hold that joins in as the one that it joins", async () => {
    await locks.run("x", () => locks.run("x", { reentrant: true }, nothing));
    await locks.close();

    expect(history.requests.map(({ end }) => end)).toEqual(["left", "gave up"]);
    expect(await history.violations()).toEqual([]);
  });

  it("follows a hold until it is detached, and releases it as before", async () => {
    const ticket = await (await locks.acquire("x")).detach();
    await (await locks.attach(ticket)).release();
    await locks.close();

    expect(history.requests).toMatchObject([{ end: "left" }]);
    expect(await history.violations()).toEqual([]);
  });

  it("blames nobody for believing in a hold that was taken away by force", async () => {
    const hold = await locks.acquire("x");
    await deleteKey(cluster.store, hold.key);
    await clock.advance(1_000);
    await hold.release().catch(() => {});
    await locks.run("x", nothing);
    await locks.close();

    expect(history.requests).toMatchObject([{ end: "lost", why: "deleted" }, { end: "left" }]);
    expect(await history.violations()).toEqual([]);
  });

  it("tells of a process that is stopped, goes on, and is killed", async () => {
    const { process, network, client } = await far();
    const acquiring = history.record(client, "doomed").acquire("x");
    await clock.advance(100);
    const hold = await acquiring;

    process.pause();
    process.pause();
    await clock.advance(1_000);
    await process.resume();
    process.kill();
    network.vanish();
    await clock.advance(10_000);
    await locks.run("x", nothing);
    await locks.close();

    expect(hold.fencingToken).toBeLessThan(history.requests[1]?.token ?? 0n);
    expect(told().filter((line) => line.startsWith("doomed"))).toEqual([
      ...["doomed/1 asked x exclusive", "doomed/1 got x exclusive"],
      ...["doomed stopped", "doomed went on", "doomed died"],
    ]);
    expect(history.requests[0]).toMatchObject({ end: "died", until: 200, diedAt: 1_200 });
    expect(await history.violations()).toEqual([]);
  });

  it("knows nothing of one that stands still to this day since it was stopped", async () => {
    const { process, client } = await far();
    void history.record(client, "still").acquire("x");
    await clock.advance(100);
    process.pause();
    await clock.advance(10_000);
    await locks.run("x", nothing);
    await locks.close();

    expect(await history.violations()).toEqual([
      expect.stringMatching(/^Not everybody got in or gave up:\n.*still\/1/),
      expect.stringMatching(/^This was left behind: still, which was not closed/),
    ]);
  });

  it("is called by another name when one of that name was there", async () => {
    const again = async () => history.record(await connect({ store: cluster, clock }), "web");
    const [second, third] = [await again(), await again()];
    await second.run("x", nothing);
    await third.run("x", nothing);
    await Promise.all([second.close(), third.close()]);

    expect(history.requests.map(({ who }) => who)).toEqual(["web.2/1", "web.3/1"]);
  });

  it("is told what is wrong with it", async () => {
    const other = await connect({ store: cluster, clock, namespace: "other/" });
    const alien = await connect({ store: cluster, clock: new SimulatedClock() });

    expect(() => history.record(locks, "web")).toThrow(/not recorded yet/);
    expect(() => history.record(other, "web")).toThrow(/namespace.*"other\/"/);
    expect(() => history.record(alien, "web")).toThrow(/clock/);
    expect(() => history.record(alien, "web/1")).toThrow(/without a slash/);
    expect(() => new History({ clock } as never)).toThrow(/store/);
    expect(() => new History({ store: cluster, wakeMs: -1 })).toThrow(/wakeMs/);
    await Promise.all([other.close(), alien.close()]);
  });

  it("finds at the end what is left, and that there was nothing to see", async () => {
    expect(await history.violations()).toEqual([
      expect.stringMatching(/^Nobody got a lock/),
      expect.stringMatching(
        /^This was left behind: web, which was not closed, microlock\/%session/,
      ),
    ]);

    await locks.latch("y", 2).countDown();
    await locks.once("x", { everyMs: 60_000 }, nothing);
    await (await locks.acquire("z", { minHoldMs: 60_000 })).release();
    await locks.close();

    expect(await history.violations()).toEqual([]);
  });

  it("finds who was let in late, if it is told what late is", async () => {
    const strict = new History({ store: cluster, clock, wakeMs: 100, expiryMs: 0 });
    const [one, two] = await Promise.all([
      connect({ store: cluster, clock }),
      connect({ store: cluster, clock }),
    ]);
    const hold = await strict.record(one, "one").acquire("x");
    // Somebody in the way whom the history does not know.
    const stranger = locks.acquire("x");
    await clock.advance(50);
    const waiting = strict.record(two, "two").acquire("x");
    await clock.advance(50);
    await hold.release();
    await clock.advance(1_000);
    await (await stranger).release();
    await (await waiting).release();

    expect(noLostWakeUp(strict)).toMatch(/^Free since 100 ms, but let in late:\n.*two\/1/);
    await Promise.all([one.close(), two.close()]);
  });

  it("says that it does not see the store any more", async () => {
    await locks.run("x", nothing);
    await locks.close();
    const late = new History({ store: cluster.store, clock });
    await cluster.store.close();

    expect(await late.violations()).toContainEqual(expect.stringMatching(/does not see the store/));
    history.close();
  });

  it("is let in late by what keeps others out for a while, and nobody minds", async () => {
    const strict = new History({ store: cluster, clock, wakeMs: 100 });
    const other = strict.record(await connect({ store: cluster, clock }), "other");
    const hold = await other.acquire("x", { minHoldMs: 5_000 });
    const waiting = other.acquire("x");
    await hold.release();
    await clock.advance(7_000);
    await (await waiting).release();
    await other.once("y", { everyMs: 10_000 }, nothing);
    const next = other.acquire("y");
    await clock.advance(7_000);
    await (await next).release();
    await other.close();

    expect(
      strict.requests.filter(({ gotAt = 0, askedAt }) => gotAt > askedAt + 1_000),
    ).toHaveLength(2);
    expect(noLostWakeUp(strict)).toBeUndefined();
  });

  it("goes by a real server and real time as well", async () => {
    await using etcd = await startEtcd();
    await using onlooker = await connect(etcd.address, { namespace: "onlooker/" });
    using there = new History({ store: onlooker.etcd });
    const [one, two] = await Promise.all([connect(etcd.address), connect(etcd.address)]);
    there.record(one, "one");
    there.record(two, "two");

    await Promise.all([one, two, one].map((each) => each.run("x", nothing)));
    await Promise.all([one.close(), two.close()]);

    expect(await there.violations()).toEqual([]);
    expect(there.requests.map(({ end }) => end)).toEqual(["left", "left", "left"]);
    expect(there.entries).toHaveLength(3);
  });

  it("does not wait with tryAcquire", async () => {
    await (await locks.tryAcquire("x"))?.release();
    await (await locks.tryAcquire(["x", "y"]))?.release();

    expect(history.requests.map(({ waitMs }) => waitMs)).toEqual([0, 0, 0]);
  });

  it("is told in time when its hold was good after its process stood still", async () => {
    const { process, client } = await far();
    void history.record(client, "far").acquire("x");
    await clock.advance(100);
    process.pause();
    await clock.advance(1_000);
    await process.resume();
    const closing = client.close();
    await clock.advance(1_000);
    await closing;

    expect(history.requests).toMatchObject([{ end: "lost", why: "closed", toldInTime: true }]);
  });

  it("counts until its process was stopped, if its hold was over when that went on", async () => {
    const { process, client } = await far();
    void history.record(client, "far").acquire("x");
    await clock.advance(1_100);
    process.pause();
    await clock.advance(10_000);
    await process.resume();
    await clock.advance(1_000);
    await Promise.all([client.close(), clock.advance(1_000)]);

    expect(history.requests).toMatchObject([{ end: "lost", toldInTime: false, until: 1_200 }]);
  });

  it("is not blamed for what is gone when the watch has not told so yet", async () => {
    const store = {
      txn: (request) => cluster.store.txn(request),
      watch: (request, observer) =>
        cluster.store.watch(request, {
          ...observer,
          onEvents: (events) => observer.onEvents(events.filter(({ type }) => type === "put")),
        }),
    } as Pick<Etcd, "txn" | "watch"> as Etcd;
    const slow = new History({ store, clock });
    await locks.run("x", nothing);
    await locks.close();

    expect(slow.leftovers).not.toEqual([]);
    expect(await slow.violations()).toEqual([expect.stringMatching(/^Nobody got a lock/)]);
    expect(slow.leftovers).toEqual([]);
  });
});
