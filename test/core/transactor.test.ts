import { beforeEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../src/core/keys.ts";
import { Transactor } from "../../src/core/transactor.ts";
import { type LossReason, StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd, RequestOp, TxnResponse } from "../../src/etcd/api.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { type RecordedEtcd, recordedEtcd } from "../support/recorded-etcd.ts";
import { SimulatedClock } from "../support/simulated-clock.ts";

describe("Transactor", () => {
  const key = bytesOf("%session/1");
  let clock: SimulatedClock;
  let store: EmbeddedEtcd;
  let etcd: RecordedEtcd;
  let transactor: Transactor;
  let losses: LossReason[];

  beforeEach(async () => {
    clock = new SimulatedClock();
    store = new EmbeddedEtcd({ clock });
    etcd = recordedEtcd(store);
    losses = [];
    await store.leaseGrant({ id: 1n, ttl: 600n });
    const { header } = await store.txn({ success: [put("%session/1", "", 1n)] });
    transactor = new Transactor({
      etcd,
      clock,
      standing: { key, lease: 1n },
      put: header,
      attemptMs: 500,
      callTimeoutMs: 2_000,
      onHeader: () => {},
      onLost: (reason) => losses.push(reason),
    });
  });

  function put(name: string, value: string, lease = 0n): RequestOp {
    return { op: "put", request: { key: bytesOf(name), value: bytesOf(value), lease } };
  }

  async function valueAt(name: string): Promise<string | undefined> {
    const range = { op: "range", request: { key: bytesOf(name) } } as const;
    const { responses } = await store.txn({ success: [range] });
    const kv = responses[0]?.op === "range" ? responses[0].response.kvs[0] : undefined;
    return kv && Buffer.from(kv.value).toString();
  }

  const step = (op: RequestOp) => () => ({ compare: [], success: [op], otherwise: [] });
  const unanswered = (): never => {
    throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
  };

  it("makes void what was given up on, before it sends anything else", async () => {
    let late: () => Promise<TxnResponse> = () => Promise.reject(new Error("nothing was sent"));
    etcd.override("txn", async (request) => {
      late = () => store.txn(request);
      return unanswered();
    });
    const given = transactor.commit(step(put("fence", "old")), { timeoutMs: 50 });
    await expect(given).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    etcd.override("txn", undefined);
    await transactor.commit(step(put("fence", "new")));

    expect((await late()).succeeded).toBe(false);
    expect(await valueAt("fence")).toBe("new");
  });

  it("does once what it had to ask twice, since the first answer was lost", async () => {
    let attempts = 0;
    const original: Etcd["txn"] = (request) => store.txn(request);
    etcd.override("txn", async (request) => {
      const answer = await original(request);
      attempts += 1;
      return attempts === 1 ? unanswered() : answer;
    });
    const committing = transactor.commit(() => ({
      compare: [{ key: bytesOf("x"), target: "version", result: "equal", operand: 0n }],
      success: [put("x", "once")],
      otherwise: [{ op: "range", request: { key: bytesOf("x") } }],
    }));
    await clock.advance(500);

    expect(await committing).toMatchObject({ succeeded: false, repeated: true });
    expect(await valueAt("x")).toBe("once");
  });

  it("learns an epoch that it began without hearing of it", async () => {
    let lost = 2;
    etcd.override("txn", async (request) => {
      const answer = await store.txn(request);
      return lost-- > 0 ? unanswered() : answer;
    });
    const committing = transactor.commit(step(put("x", "1")));
    await clock.advance(1_000);
    expect(await committing).toMatchObject({ succeeded: true });
    expect(await transactor.commit(step(put("x", "2")))).toMatchObject({ repeated: false });
  });

  it("gives concurrent changes their chance after a new epoch", async () => {
    let lost = 1;
    etcd.override("txn", async (request) => (lost-- > 0 ? unanswered() : store.txn(request)));
    const names = ["a", "b", "c", "d"];
    const committing = names.map((name) => transactor.commit(step(put(name, name))));
    await clock.advance(1_000);

    for (const result of await Promise.all(committing)) expect(result.succeeded).toBe(true);
    for (const name of names) expect(await valueAt(name)).toBe(name);
  });

  it("gives up in time, and says so", async () => {
    etcd.override("txn", unanswered);
    const committing = transactor.commit(step(put("x", "1"))).catch((error) => error);
    await clock.advance(2_000);
    expect(await committing).toBeInstanceOf(StoreUnavailableError);
    expect(clock.timerCount).toBe(1); // the lease of the store
  });

  it("is told by the store when its session is gone", async () => {
    await store.leaseRevoke(1n);
    await expect(transactor.commit(step(put("x", "1")))).rejects.toThrow("lease is gone");
    expect(losses).toEqual(["revoked"]);
    expect(await valueAt("x")).toBeUndefined();
  });

  it.each([
    ["revision", { revision: 1n }],
    ["term", { raftTerm: 0n }],
  ])("notices a store whose %s went back", async (_what, older) => {
    await transactor.commit(step(put("x", "1")));
    etcd.override("txn", async (request) => {
      const answer = await store.txn(request);
      return { ...answer, header: { ...answer.header, ...older } };
    });
    await expect(transactor.commit(step(put("x", "2")))).rejects.toMatchObject({
      code: "STORE_ROLLED_BACK",
    });
    expect(losses).toEqual(["rolled back"]);
  });

  it("waits no longer for a doubt to be settled than a call has time", async () => {
    etcd.override("txn", async (_request, { timeoutMs = 0 } = {}) => {
      await new Promise<void>((resolve) => clock.setTimer(timeoutMs, resolve));
      return unanswered();
    });
    const ends: Record<string, number> = {};
    const commit = async (name: string, timeoutMs: number): Promise<void> => {
      await transactor.commit(step(put(name, name)), { timeoutMs }).catch(() => {});
      ends[name] = clock.now();
    };
    const commits = [commit("long", 60_000)];
    await clock.advance(1_000);
    commits.push(commit("short", 1_000));
    await clock.advance(60_000);
    await Promise.all(commits);

    expect(ends["short"]).toBeLessThanOrEqual(2_000);
    expect(ends["long"]).toBeGreaterThan(59_000);
  });

  it("does not give up on a change because another had less time for settling a doubt", async () => {
    etcd.override("txn", async () => unanswered());
    const short = transactor.commit(step(put("short", "1")), { timeoutMs: 250 });
    await clock.advance(120);
    const long = transactor.commit(step(put("long", "1")));
    await Promise.all([expect(short).rejects.toThrow("no answer"), clock.advance(500)]);
    etcd.override("txn", undefined);
    await clock.advance(500);

    expect((await long).succeeded).toBe(true);
  });

  it("sends nothing for whoever ran out of time while others were ahead", async () => {
    let sent = 0;
    etcd.override("txn", async ({ success = [] }, { timeoutMs = 0 } = {}) => {
      // It asks now and then whether anybody is there.
      if (success.length === 0) sent += 1;
      await new Promise<void>((resolve) => clock.setTimer(timeoutMs, resolve));
      return unanswered();
    });
    const reads = Array.from({ length: 300 }, () =>
      transactor.ask({ success: [] }, { timeoutMs: 500 }).catch((error) => error.message),
    );
    await clock.advance(2_000);
    const messages = await Promise.all(reads);

    expect(sent).toBe(256);
    expect(messages.filter((message) => message.includes("was not sent"))).toHaveLength(44);
  });

  it("takes answers that overtake each other for what they are", async () => {
    const answers: (() => void)[] = [];
    etcd.override("txn", async (request) => {
      const answer = await store.txn(request);
      await new Promise<void>((resolve) => answers.push(resolve));
      return answer;
    });
    const both = ["a", "b"].map((name) => transactor.commit(step(put(name, name))));
    await clock.advance(0);
    answers[1]?.();
    await clock.advance(0);
    answers[0]?.();
    await Promise.all(both);
    expect(losses).toEqual([]);
  });
});
