import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hold } from "../../src/core/hold.ts";
import { bytesOf, textOf } from "../../src/core/keys.ts";
import { entriesOf } from "../../src/core/queue-requests.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { Etcd, TxnRequest } from "../../src/etcd/api.ts";
import type { Locks } from "../../src/locks.ts";
import { type Bench, nothing, openBench } from "../support/clients.ts";
import { deleteKey, entriesBelow, putKey } from "../support/keys.ts";
import { settle } from "../support/simulated-clock.ts";

describe("a transaction under guard", () => {
  let bench: Bench;
  let locks: Locks;
  let hold: Hold;

  beforeEach(async () => {
    bench = openBench();
    locks = await bench.client();
    hold = await locks.acquire("jobs");
  });

  afterEach(async () => {
    bench.etcd.override("txn", undefined);
    await hold.release().catch(() => {});
    for (const { key } of await entriesBelow(bench.store, "data/")) {
      await deleteKey(bench.store, textOf(key));
    }
    expect(await bench.leftovers()).toEqual(nothing);
  });

  const data = async (): Promise<Record<string, string>> => {
    const kvs = await entriesBelow(bench.store, "data/");
    return Object.fromEntries(kvs.map(({ key, value }) => [textOf(key).slice(5), textOf(value)]));
  };
  const put = (key: string, value: string) =>
    ({ op: "put", request: { key: `data/${key}`, value } }) as const;

  it("does what it says, in strings and in bytes", async () => {
    const { succeeded, responses } = await hold.txn({
      compare: [{ key: "data/a", target: "version", result: "equal", operand: 0n }],
      success: [
        put("a", "ä"),
        { op: "put", request: { key: bytesOf("data/b"), value: Uint8Array.of(0x62) } },
        { op: "range", request: { key: "data/", rangeEnd: "data0" } },
      ],
      failure: [put("c", "not")],
    });

    expect(succeeded).toBe(true);
    expect(responses.map(({ op }) => op)).toEqual(["put", "put", "range"]);
    expect(await data()).toEqual({ a: "ä", b: "b" });
    await hold.txn({});
    await hold.txn({
      success: [{ op: "deleteRange", request: { key: "data/", rangeEnd: "data0" } }],
    });
    expect(await data()).toEqual({});
  });

  it("does the other thing when what it compares does not hold", async () => {
    await hold.put("data/balance", "9");
    const operand = "10";
    const outcome = await hold.txn({
      compare: [{ key: "data/balance", target: "value", result: "equal", operand }],
      success: [put("balance", "7")],
      failure: [{ op: "range", request: { key: "data/balance" } }],
    });

    expect(outcome.succeeded).toBe(false);
    expect(textOf(entriesOf(outcome.responses[0])[0]?.value ?? bytesOf(""))).toBe("9");
    expect(await data()).toEqual({ balance: "9" });
  });

  it("does transactions within transactions", async () => {
    const innermost = { success: [put("a", "1")], failure: [put("b", "1")] };
    const never = { key: "data/none", target: "version", result: "greater", operand: 0n } as const;
    const outcome = await hold.txn({
      success: [
        {
          op: "txn",
          request: {
            compare: [never],
            failure: [{ op: "txn", request: { ...innermost, compare: [never] } }],
          },
        },
      ],
    });

    expect(await data()).toEqual({ b: "1" });
    expect(outcome).toMatchObject({
      succeeded: true,
      responses: [{ op: "txn", response: { succeeded: false, responses: [{ op: "txn" }] } }],
    });
  });

  const losses: Record<string, (own: Hold) => Promise<unknown>> = {
    deleted: (own) => deleteKey(bench.store, own.key),
    overwritten: (own) => putKey(bench.store, own.key, "mine"),
    revoked: (own) => bench.store.leaseRevoke(BigInt(`0x${own.key.split(/[/-]/).at(-2)}`)),
    released: (own) => own.release(),
    detached: (own) => own.detach(),
  };
  for (const [reason, lose] of Object.entries(losses)) {
    it(`writes nothing when the lock was ${reason}, and says so`, async () => {
      await lose(hold);
      const lost = { code: "LOCK_LOST", reason };
      await expect(hold.txn({ success: [put("a", "1")] })).rejects.toMatchObject(lost);
      await expect(hold.put("data/b", "1")).rejects.toMatchObject(lost);
      await expect(hold.delete("data/b")).rejects.toMatchObject(lost);
      expect(await data()).toEqual({});

      await deleteKey(bench.store, hold.key);
      await bench.clock.advance(10_000);
    });
  }

  it("writes nothing once the time of its lease is over, though etcd has it still", async () => {
    bench.clock.jump(9_000);
    await expect(hold.txn({ success: [put("a", "1")] })).rejects.toMatchObject({
      code: "LOCK_LOST",
      reason: "stalled",
    });
    expect(await data()).toEqual({});
    await deleteKey(bench.store, hold.key);
  });

  it.each(["released", "detached"])(
    "writes nothing when it arrives after the lock was %s",
    async (reason) => {
      let deliver = (): void => {};
      bench.etcd.override("txn", async (request, options) => {
        await new Promise<void>((resolve) => {
          deliver = resolve;
        });
        return bench.store.txn(request, options);
      });
      const writing = hold.txn({ success: [put("a", "1")] }).catch((error: unknown) => error);
      await settle();
      bench.etcd.override("txn", undefined);
      await losses[reason]?.(hold);
      deliver();

      expect(await writing).toMatchObject({ code: "LOCK_LOST", reason });
      expect(await data()).toEqual({});
      await deleteKey(bench.store, hold.key);
      await bench.clock.advance(10_000);
    },
  );

  describe("whose answer is lost", () => {
    /** Carries out what is written, and loses the first answer to it. */
    function loseAnswer(): void {
      let lost = 0;
      bench.etcd.override("txn", async (request, options) => {
        const answer = await bench.store.txn(request, options);
        if (writes(request) && lost++ === 0) throw new StoreUnavailableError("reply lost");
        return answer;
      });
    }

    function writes({ success = [] }: TxnRequest): boolean {
      return success.some(
        ({ op, request }) =>
          op === "txn" || ("key" in request && textOf(request.key).startsWith("data/")),
      );
    }

    it("is not carried out twice", async () => {
      await hold.put("data/switch", "off");
      loseAnswer();
      const toggling = hold
        .txn({
          compare: [{ key: "data/switch", target: "value", result: "equal", operand: "off" }],
          success: [put("switch", "on")],
          failure: [put("switch", "off")],
        })
        .catch((error: unknown) => error);
      await bench.clock.advance(5_000);

      expect(await toggling).toMatchObject({ code: "STORE_UNAVAILABLE" });
      expect(await data()).toEqual({ switch: "on" });
      // Nor will it be later.
      await hold.put("data/other", "x");
      expect(await data()).toEqual({ switch: "on", other: "x" });
    });

    it("is asked again when that makes no difference", async () => {
      loseAnswer();
      const writing = hold.txn({ success: [put("a", "1"), put("b", "2")] });
      await bench.clock.advance(5_000);
      expect(await writing).toMatchObject({ succeeded: true });

      loseAnswer();
      const deleting = hold.delete("data/a");
      await bench.clock.advance(5_000);
      await deleting;
      loseAnswer();
      const putting = hold.put("data/b", "3");
      await bench.clock.advance(5_000);
      await putting;
      expect(await data()).toEqual({ b: "3" });
    });

    it("is not asked again when that would be answered in another way", async () => {
      await hold.put("data/a", "1");
      const read = { op: "range", request: { key: "data/a" } } as const;
      const before = { op: "put", request: { key: "data/a", value: "2", prevKv: true } } as const;
      const gone = { op: "deleteRange", request: { key: "data/a" } } as const;
      for (const success of [[read, put("a", "2")], [before], [gone]]) {
        loseAnswer();
        const writing = hold.txn({ success }).catch((error: unknown) => error);
        await bench.clock.advance(5_000);
        expect(await writing).toMatchObject({ code: "STORE_UNAVAILABLE" });
      }
    });

    it("is asked again when it only reads", async () => {
      const read = { op: "range", request: { key: "data/a" } } as const;
      const missing = { key: "data/a", target: "version", result: "equal", operand: 0n } as const;
      loseAnswer();
      const reading = hold.txn({ compare: [missing], success: [read], failure: [read] });
      await bench.clock.advance(5_000);
      expect(await reading).toMatchObject({ succeeded: true });
    });

    it("is asked again when the request did not get there, and it was not sent", async () => {
      const noAnswer: Etcd["txn"] = async (_request, { timeoutMs = 0 } = {}) => {
        await new Promise<void>((resolve) => bench.clock.setTimer(timeoutMs, resolve));
        throw new StoreUnavailableError("no answer", { status: "DEADLINE_EXCEEDED" });
      };
      bench.etcd.override("txn", noAnswer);
      const writing = hold.put("data/a", "1");
      await bench.clock.advance(2_000);
      bench.etcd.override("txn", undefined);
      await bench.clock.advance(2_000);
      await writing;
      expect(await data()).toEqual({ a: "1" });
    });
  });

  it("is refused when it puts something on a lease that there is not, and costs no lock", async () => {
    const other = await locks.acquire("other");
    const { request } = put("a", "1");
    const onNone = { op: "put", request: { ...request, lease: 4_711n } } as const;
    for (const success of [[onNone], [{ op: "txn", request: { success: [onNone] } }] as const]) {
      await expect(hold.txn({ success })).rejects.toMatchObject({ status: "NOT_FOUND" });
    }

    expect([hold.held, other.held]).toEqual([true, true]);
    expect(await data()).toEqual({});
    await other.release();
  });

  it("is refused when it is not what it should be, and nothing is sent", async () => {
    bench.etcd.forget();
    const compare = { key: "k", target: "version", result: "equal", operand: 0n };
    const onKey = (op: string, members: object) => ({ op, request: { key: "k", ...members } });
    const wrong: Record<string, unknown> = {
      "no object": "put",
      nothing: null,
      "a misspelt part": { succes: [] },
      "a compare that is no array": { compare },
      "a success that is no array": { success: put("a", "1") },
      "a compare that is no object": { compare: ["k"] },
      "a compare without a key": { compare: [{ ...compare, key: undefined }] },
      "an empty key": { compare: [{ ...compare, key: "" }] },
      "an unknown target": { compare: [{ ...compare, target: "mod" }] },
      "an unknown result": { compare: [{ ...compare, result: "==" }] },
      "a number that is no bigint": { compare: [{ ...compare, operand: 0 }] },
      "no operand": { compare: [{ ...compare, operand: undefined }] },
      "a text for a number": { compare: [{ ...compare, operand: "0" }] },
      "a number for a value": { compare: [{ ...compare, target: "value" }] },
      "a value that is not well-formed": {
        compare: [{ ...compare, target: "value", operand: "\ud800" }],
      },
      "a misspelt part of a compare": { compare: [{ ...compare, rangeend: "z" }] },
      "a number that is too large": { compare: [{ ...compare, operand: 2n ** 63n }] },
      "an end of a range that is a number": { compare: [{ ...compare, rangeEnd: 7 }] },
      "a misspelt part of a put": { success: [onKey("put", { value: "v", leas: 7n })] },
      "a misspelt part of a range": { success: [onKey("range", { end: "z" })] },
      "a misspelt part of a deletion": { success: [onKey("deleteRange", { prefix: true })] },
      "a misspelt part of an operation": { success: [{ ...onKey("range", {}), als: 1 }] },
      "a lease that is no bigint": { success: [onKey("put", { value: "v", lease: 7 })] },
      "no lease by null": { success: [onKey("put", { value: "v", lease: null })] },
      "a limit that is no bigint": { success: [onKey("range", { limit: 1 })] },
      "a revision that is too large": { success: [onKey("range", { revision: 2n ** 64n })] },
      "a flag that is none": { success: [onKey("put", { value: "v", prevKv: 1 })] },
      "an order that is none": { success: [onKey("range", { sort: "ascending" })] },
      "an order by what there is not": {
        success: [onKey("range", { sort: { by: "age", order: "ascending" } })],
      },
      "an order without a direction": { success: [onKey("range", { sort: { by: "key" } })] },
      "an unknown operation": { success: [{ op: "get", request: { key: "k" } }] },
      "an operation of the prototype": { success: [{ op: "toString", request: { key: "k" } }] },
      "an operation without a request": { success: [{ op: "range" }] },
      "a put without a value": { success: [{ op: "put", request: { key: "k" } }] },
      "a put of a number": { failure: [{ op: "put", request: { key: "k", value: 5 } }] },
      "a put of half a character": {
        success: [{ op: "put", request: { key: "k", value: "\ud800" } }],
      },
      "a range to nowhere": { success: [{ op: "range", request: { key: "k", rangeEnd: 7 } }] },
      "a transaction that is none": { success: [{ op: "txn", request: [] }] },
      "one that is wrong within": {
        success: [{ op: "txn", request: { failure: [{ op: "put", request: { key: "" } }] } }],
      },
    };
    for (const [what, request] of Object.entries(wrong)) {
      const outcome = await hold.txn(request as never).catch((error: unknown) => error);
      expect(outcome, what).toMatchObject({ code: "INVALID_OPTION" });
    }
    await expect(hold.txn({}, { timeoutMs: 0 })).rejects.toMatchObject({ option: "timeoutMs" });
    expect(bench.etcd.calls.txn).toBe(0);
  });

  describe("by the guard of a hold", () => {
    it("goes through a transaction of another hold while both are ours", async () => {
      const other = await locks.acquire("other");
      const request = { compare: hold.guard, success: [put("a", "1")] };
      expect(await other.txn(request)).toMatchObject({ succeeded: true });

      await hold.release();
      expect(await other.txn({ ...request, success: [put("a", "2")] })).toMatchObject({
        succeeded: false,
      });
      expect(await data()).toEqual({ a: "1" });
      await other.release();
    });

    it("goes through a transaction of any other client of etcd", async () => {
      const write = async (value: string): Promise<boolean> => {
        const success = [
          { op: "put" as const, request: { key: bytesOf("data/a"), value: bytesOf(value) } },
        ];
        return (await bench.store.txn({ compare: hold.guard, success })).succeeded;
      };
      expect(await write("1")).toBe(true);
      await deleteKey(bench.store, hold.key);
      expect(await write("2")).toBe(false);
      const next = await locks.acquire("jobs");
      expect(await write("3")).toBe(false);
      expect(await data()).toEqual({ a: "1" });
      await next.release();
    });

    it("holds for all of several names", async () => {
      const both = await locks.acquire(["b", "a"]);
      expect(both.guard).toHaveLength(2);
      await both.put("data/a", "1");
      await deleteKey(bench.store, both.keys[1] ?? "");

      await expect(both.put("data/a", "2")).rejects.toMatchObject({ reason: "deleted" });
      expect((await bench.store.txn({ compare: both.guard })).succeeded).toBe(false);
      expect(await data()).toEqual({ a: "1" });
      await expect(both.release()).rejects.toMatchObject({ reason: "deleted" });
      await settle();
      expect(await bench.keys()).toEqual(["data/a", hold.key]);
    });
  });
});
