import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListOptions, LockSummary } from "../../src/core/list.ts";
import type { RangeRequest, TxnRequest } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("list", () => {
  let bench: Bench;
  let locks: Locks;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client({ nodeId: "one" });
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    expect(await bench.leftovers()).toEqual(nothing);
  });

  async function listed(options?: ListOptions, client = locks): Promise<LockSummary[]> {
    const summaries: LockSummary[] = [];
    for await (const summary of client.list(options)) summaries.push(summary);
    return summaries;
  }

  const namesOf = (summaries: readonly LockSummary[]): string[] =>
    summaries.map(({ name }) => name);

  /** Holds locks for the length of a test. */
  async function holding(names: readonly string[], work: () => Promise<void>, client = locks) {
    const holds = await Promise.all(names.map((name) => client.acquire(name)));
    await work();
    for (const hold of holds) await hold.release();
  }

  /** The ranges that are asked for from now on. */
  function rangesAsked(): RangeRequest[] {
    const ranges: RangeRequest[] = [];
    bench.etcd.override("txn", (request: TxnRequest, options) => {
      for (const each of request.success ?? []) if (each.op === "range") ranges.push(each.request);
      return bench.store.txn(request, options);
    });
    return ranges;
  }

  it("shows nothing when nobody holds", async () => {
    expect(await listed()).toEqual([]);
  });

  it("shows who holds each lock, and how many wait for it", async () => {
    const reader = await locks.rwLock("b").read.acquire({ reason: "serve" });
    const second = await (await bench.client({ nodeId: "two" })).rwLock("b").read.acquire();
    const waiting = locks.acquire("b");
    await settle();
    await holding(["a"], async () => {
      expect(await listed()).toMatchObject([
        { name: "a", holders: [{ nodeId: "one" }], waiters: 0 },
        {
          name: "b",
          holders: [
            { nodeId: "one", reason: "serve", fencingToken: reader.fencingToken },
            { nodeId: "two", fencingToken: second.fencingToken },
          ],
          waiters: 1,
        },
      ]);
    });
    await reader.release();
    await second.release();
    await (await waiting).release();
  });

  const strange = [
    "a",
    "a/",
    "a/b",
    "a/b/c",
    "a%",
    "a%2Fb",
    "a%b",
    "aß",
    "b",
    "%",
    "%session",
    "/",
  ];
  strange.push("🔒", "ä", "\u{10ffff}", "~", " ", "\0", "\u{ffff}");
  for (const pageSize of [1, 2, 3, 7, 500]) {
    it(`shows all names once, whatever is in them, in pages of ${pageSize}`, async () => {
      await holding(strange, async () => {
        const names = namesOf(await listed({ pageSize }));
        expect([...names].sort()).toEqual([...strange].sort());
        const keys = names.map((name) => Buffer.from(`${locks.keyOf(name)}/`));
        expect(keys).toEqual([...keys].sort(Buffer.compare));
      });
    });
  }

  it("shows only names that begin with a prefix, whatever is in it", async () => {
    await holding(strange, async () => {
      for (const prefix of ["", ...strange, "nothing", "a/b/", "%s", "\ud83d\udd12"]) {
        for (const pageSize of [1, 500]) {
          const expected = strange.filter((name) => name.startsWith(prefix)).sort();
          expect(namesOf(await listed({ prefix, pageSize })).sort(), prefix).toEqual(expected);
        }
      }
    });
  });

  it("keeps together the queue of a lock that reaches over pages", async () => {
    const holder = await locks.acquire("b");
    const waiting = Array.from({ length: 7 }, () => locks.run("b", { reason: "later" }, () => {}));
    await settle();
    await holding(["a", "c"], async () => {
      for (const pageSize of [1, 2, 3, 5, 8]) {
        expect(await listed({ pageSize })).toMatchObject([
          { name: "a", waiters: 0 },
          { name: "b", holders: [{ fencingToken: holder.fencingToken }], waiters: 7 },
          { name: "c", waiters: 0 },
        ]);
      }
    });
    await holder.release();
    await Promise.all(waiting);
  });

  it("skips the keys of sessions, however many there are, at the cost of one page", async () => {
    for (let index = 0; index < 2_000; index++) {
      await putKey(bench.store, `microlock/%session/${index.toString(16)}`, "{}");
      if (index % 10 === 0) await putKey(bench.store, `microlock/%session/${index}/revoke/7`, "{}");
    }
    await holding(["%", "a"], async () => {
      for (const pageSize of [1, 10, 500]) {
        const ranges = rangesAsked();
        expect(namesOf(await listed({ pageSize }))).toEqual(["%", "a"]);
        expect(ranges.length).toBeLessThanOrEqual(4);
      }
    });
    bench.etcd.override("txn", undefined);
    const range = {
      key: Buffer.from("microlock/%session/"),
      rangeEnd: Buffer.from("microlock/%t"),
    };
    await locks.close();
    await bench.store.txn({ success: [{ op: "deleteRange", request: range }] });
  });

  it("shows foreign holders, and leaves out keys that belong to no lock", async () => {
    const foreign = [
      "jobs/694d8f",
      "no queue",
      "/x",
      "half%/x",
      "bad%2f/x",
      "%session",
      "%other/x",
    ];
    for (const key of foreign) await putKey(bench.store, `microlock/${key}`);
    await putKey(bench.store, "microlock", "");
    await putKey(bench.store, "microlocks/a/b", "");

    expect(await listed()).toMatchObject([
      { name: "jobs", holders: [{ nodeId: undefined, expires: false }], waiters: 0 },
    ]);
    for (const key of foreign) await deleteKey(bench.store, `microlock/${key}`);
    await deleteKey(bench.store, "microlock");
    await deleteKey(bench.store, "microlocks/a/b");
  });

  for (const namespace of ["", "a/b/", "no slash", "%", "ä"]) {
    it(`shows the locks of the namespace "${namespace}" alone`, async () => {
      const other = await bench.client({ namespace });
      const work = async (): Promise<void> => {
        expect(namesOf(await listed({}, other))).toEqual(expect.arrayContaining(["x", "y/z"]));
        expect(namesOf(await listed({ prefix: "y/" }, other))).toEqual(["y/z"]);
        if (namespace !== "") expect(await listed()).toEqual([]);
      };
      await holding(["x", "y/z"], work, other);
    });
  }

  it("goes on when locks are taken and released meanwhile", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const holds = new Map<string, Awaited<ReturnType<Locks["acquire"]>>>();
    for (const name of names) holds.set(name, await locks.acquire(name));
    const seen: string[] = [];
    for await (const { name } of locks.list({ pageSize: 1 })) {
      seen.push(name);
      if (name === "a") {
        await holds.get("a")?.release();
        await holds.get("d")?.release();
        holds.set("z", await locks.acquire("z"));
      }
    }

    expect(seen).toEqual(["a", "b", "c", "e", "z"]);
    for (const name of ["b", "c", "e", "z"]) await holds.get(name)?.release();
  });

  it("asks for 100,000 locks page by page, and only as far as it is read", async () => {
    const count = 100_000;
    for (let from = 0; from < count; from += 100) {
      await bench.store.txn({
        success: Array.from({ length: 100 }, (_, index) => ({
          op: "put" as const,
          request: {
            key: Buffer.from(`microlock/${String(from + index).padStart(6, "0")}/1-1`),
            value: Buffer.of(),
          },
        })),
      });
    }
    const ranges = rangesAsked();
    let seen = 0;
    for await (const { name } of locks.list({ pageSize: 1_000 })) {
      expect(name).toBe(String(seen).padStart(6, "0"));
      seen += 1;
      if (seen === 1_500) expect(ranges).toHaveLength(2);
    }

    expect(seen).toBe(count);
    expect(ranges.length).toBeLessThanOrEqual(102);
    expect(ranges.every(({ limit }) => limit === 1_000n)).toBe(true);
    const everything = { key: Buffer.from("microlock/0"), rangeEnd: Buffer.from("microlock/1") };
    await bench.store.txn({ success: [{ op: "deleteRange", request: everything }] });
  }, 60_000);

  it("ends with the reason of its signal, between pages and within one", async () => {
    await holding(["a", "b", "c"], async () => {
      const controller = new AbortController();
      const seen: string[] = [];
      const reading = (async () => {
        for await (const { name } of locks.list({ pageSize: 1, signal: controller.signal })) {
          seen.push(name);
          controller.abort(new Error("enough"));
        }
      })();
      await expect(reading).rejects.toThrow("enough");
      expect(seen).toEqual(["a"]);
      const { signal } = controller;
      await expect(listed({ signal })).rejects.toThrow("enough");
    });
  });

  it("can be left at any time, and says so when the client is closed", async () => {
    await holding(["a", "b"], async () => {
      for await (const { name } of locks.list({ pageSize: 1 })) {
        expect(name).toBe("a");
        break;
      }
    });
    await locks.close();
    await expect(listed()).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("refuses wrong options at once", () => {
    for (const options of [
      { pageSize: 0 },
      { pageSize: 1.5 },
      { pageSize: 10_001 },
      { prefix: 7 },
      { prefix: "\ud800" },
      { signal: "now" },
      { page: 1 },
      "a",
    ]) {
      expect(() => locks.list(options as never)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    }
  });
});
