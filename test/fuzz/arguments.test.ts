import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/connect.ts";
import { MicrolockError } from "../../src/errors.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { Fence } from "../../src/fence.ts";
import type { Locks } from "../../src/locks.ts";

const { RUNS = "300", SEED = "1" } = process.env;
const options = { numRuns: Number(RUNS), seed: Number(SEED) };

const thrower = {
  get waitMs(): never {
    throw new Error("a getter of the caller's");
  },
};
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    ...[undefined, null, Number.NaN, -0, Number.POSITIVE_INFINITY, -1, 2 ** 53, 1e308, 10n ** 30n],
    ...[
      "",
      "\ud800",
      "a\0b",
      "%session",
      "../..",
      "x".repeat(5_000),
      Symbol("s"),
      [],
      new Array(1),
      {},
    ],
    ...[() => {}, new Date(Number.NaN), new Map(), Object.create(null), thrower, new Proxy({}, {})],
  ),
  fc.anything({
    withBigInt: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
  }),
);
const optionNames = ["waitMs", "signal", "reason", "ttlMs", "lingerMs", "minHoldMs", "timeoutMs"];
const optionsLike = fc.oneof(
  hostile,
  fc.dictionary(fc.constantFrom(...optionNames, "graceMs", "by", "everyMs", "prefix"), hostile, {
    maxKeys: 3,
  }),
);

describe("a call with arguments that nobody should pass", () => {
  let store: EmbeddedEtcd;
  let locks: Locks;

  beforeAll(async () => {
    store = new EmbeddedEtcd();
    locks = await connect({ store, ttlMs: 60_000 });
  });

  afterAll(async () => {
    await locks.close();
    expect({ leases: store.leaseCount, watches: store.watchCount }).toEqual({
      leases: 0,
      watches: 0,
    });
  });

  const calls: readonly [string, (first: unknown, second: unknown) => unknown][] = [
    ["connect", (target, given) => connect(target as never, given as never)],
    ["acquire", (name, given) => locks.acquire(name as never, given as never)],
    ["tryAcquire", (name, given) => locks.tryAcquire(name as never, given as never)],
    ["run", (name, given) => locks.run(name as never, given as never, async () => {})],
    ["run without work", (name, given) => locks.run(name as never, given as never)],
    ["mutex", (name, given) => locks.mutex(name as never).acquire(given as never)],
    ["rwLock", (name, given) => locks.rwLock(name as never).read.acquire(given as never)],
    ["semaphore", (name, permits) => locks.semaphore(name as never, permits as never).tryAcquire()],
    ["election", (name, given) => locks.election(name as never).campaign("me", given as never)],
    ["barrier", (name, parties) => locks.barrier(name as never, parties as never)],
    ["latch", (name, count) => locks.latch(name as never, count as never)],
    ["once", (name, given) => locks.once(name as never, given as never, async () => {})],
    ["inspect", (name, given) => locks.inspect(name as never, given as never)],
    ["list", (given) => locks.list(given as never).next()],
    ["watch", (name, given) => locks.watch(name as never, given as never).return?.()],
    ["forceRelease", (name, given) => locks.forceRelease(name as never, given as never)],
    ["attach", (ticket) => locks.attach(ticket as never)],
    ["keyOf", (name) => locks.keyOf(name as never)],
    ["untilFree", (name, given) => locks.untilFree(name as never, given as never)],
    ["request", (name, given) => locks.request(name as never, given as never, async () => {})],
    ["Fence", (resource, token) => new Fence(resource as never).check("x", token as never)],
  ];

  it.each(calls)("to %s ends at once, in a clear error or in order", async (what, call) => {
    await fc.assert(
      fc.asyncProperty(optionsLike, optionsLike, async (first, second) => {
        const outcome = await settled(() => call(first, second));
        if ("error" in outcome) {
          expect(isClear(outcome.error), `${what}: ${String(outcome.error)}`).toBe(true);
          return;
        }
        await letGo(outcome.value);
      }),
      options,
    );
  });

  it("to a hold ends in a clear error, and the hold is kept", async () => {
    const hold = await locks.acquire("held");
    const methods = ["put", "delete", "txn", "verify"] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        hostile,
        hostile,
        optionsLike,
        async (method, ...args) => {
          const outcome = await settled(() =>
            (hold[method] as (...args: unknown[]) => unknown)(...args),
          );
          if ("error" in outcome) expect(isClear(outcome.error), String(outcome.error)).toBe(true);
          expect(hold.held).toBe(true);
        },
      ),
      options,
    );
    await hold.release();
  });
});

async function settled(call: () => unknown): Promise<{ value: unknown } | { error: unknown }> {
  let timer: NodeJS.Timeout | undefined;
  const hanging = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("It hangs")), 3_000);
  });
  try {
    return { value: await Promise.race([(async () => call())(), hanging]) };
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

/** One of ours, or what the caller's own getters and revoked proxies threw. */
function isClear(error: unknown): boolean {
  if (error instanceof MicrolockError) return true;
  const message = error instanceof Error ? error.message : String(error);
  return /getter of the caller's/.test(message);
}

async function letGo(value: unknown): Promise<void> {
  const { release, resign, close } = Object(value);
  await (release ?? resign ?? close)?.call(value);
}
