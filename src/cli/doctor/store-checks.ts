import { randomBytes } from "node:crypto";
import { createHistogram } from "node:perf_hooks";
import { StoreDeniedError } from "../../errors.ts";
import type { Etcd } from "../../etcd/api.ts";
import { abortable } from "../../signals.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** Where to look, and for how long. */
export interface StoreVisit {
  readonly etcd: Etcd;
  readonly namespace: string;
  readonly ttlMs: number;
  readonly username: string | undefined;
  readonly signal: AbortSignal;
}

const roundTrips = 40;
const watchMs = 2_000;
const bytesOf = (text: string): Uint8Array => Buffer.from(text);

/**
 * What etcd lets us do below the namespace, and how fast. All keys hang on a lease that is ended
 * afterwards, and no lock can have their names.
 */
export async function* checkStore(visit: StoreVisit): AsyncGenerator<Check> {
  const { etcd, namespace, ttlMs, signal } = visit;
  const ttl = BigInt(Math.max(1, Math.ceil(ttlMs / 1_000)));
  const lease = await etcd.leaseGrant({ ttl }, { signal });
  try {
    const key = `${namespace}%doctor/${randomBytes(8).toString("hex")}`;
    yield await checkRights(visit, key, lease.id);
    yield await checkLatency(visit, key, lease.id);
    yield await checkLease(visit, ttl, lease.ttl);
    yield await checkWatch(visit, key, lease.id);
  } finally {
    await etcd.leaseRevoke(lease.id);
  }
}

async function checkRights(visit: StoreVisit, key: string, lease: bigint): Promise<Check> {
  const { etcd, namespace, username, signal } = visit;
  const request = { key: bytesOf(key), value: bytesOf("doctor"), lease };
  await etcd.txn({ success: [{ op: "put", request }] }, { signal });
  await etcd.txn({ success: [{ op: "range", request: { key: bytesOf(key) } }] }, { signal });
  await etcd.txn({ success: [{ op: "deleteRange", request: { key: bytesOf(key) } }] }, { signal });
  const where = `keys that begin with ${JSON.stringify(namespace)} can be read, written and deleted`;
  if (username === undefined || !(await mayReadAll(visit))) return ok("rights", where);
  const todo = `a role for them alone is enough: etcdctl role grant-permission ROLE --prefix readwrite ${namespace}`;
  return warn(
    "rights",
    `${where}, but user ${JSON.stringify(username)} may read all others too`,
    todo,
  );
}

async function mayReadAll({ etcd, signal }: StoreVisit): Promise<boolean> {
  const all = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1), countOnly: true };
  try {
    await etcd.txn({ success: [{ op: "range", request: all }] }, { signal });
    return true;
  } catch (error) {
    if (error instanceof StoreDeniedError) return false;
    throw error;
  }
}

async function checkLatency(visit: StoreVisit, key: string, lease: bigint): Promise<Check> {
  const { etcd, ttlMs, signal } = visit;
  const microseconds = createHistogram();
  const request = { key: bytesOf(key), value: bytesOf("doctor"), lease };
  for (let index = 0; index < roundTrips; index++) {
    const startedAt = performance.now();
    await etcd.txn({ success: [{ op: "put", request }] }, { signal });
    microseconds.record(Math.max(1, Math.round((performance.now() - startedAt) * 1_000)));
  }
  return judgeLatency(
    microseconds.percentile(50) / 1_000,
    microseconds.percentile(99) / 1_000,
    ttlMs,
  );
}

// A keepalive gets a sixth of the TTL before it is tried elsewhere.
const attemptsPerTtl = 6;
const slowMs = 100;

/** Whether writes are fast enough for leases of so long. */
export function judgeLatency(p50Ms: number, p99Ms: number, ttlMs: number): Check {
  const text = `a write takes ${p50Ms.toFixed(1)} ms (p50), ${p99Ms.toFixed(1)} ms (p99) of ${roundTrips}`;
  if (p99Ms > ttlMs / attemptsPerTtl) {
    const todo = `renewals may come too late: use a longer --ttl than ${ttlMs / 1_000}s, or find out what is slow`;
    return warn("latency", `${text}: a large part of the TTL`, todo);
  }
  if (p50Ms <= slowMs) return ok("latency", text);
  return warn("latency", text, "every lock takes as long: is etcd far away, or its disk slow?");
}

async function checkLease(
  { etcd, signal }: StoreVisit,
  asked: bigint,
  granted: bigint,
): Promise<Check> {
  const shortest = await etcd.leaseGrant({ ttl: 1n }, { signal });
  await etcd.leaseRevoke(shortest.id, { signal });
  const least = `the shortest that etcd grants is ${shortest.ttl} s`;
  const text = `asked for ${asked} s, granted ${granted} s; ${least}`;
  if (granted === asked) return ok("lease", text);
  return warn("lease", text, "what is granted counts: whoever dies is waited for as long");
}

async function checkWatch(visit: StoreVisit, key: string, lease: bigint): Promise<Check> {
  const { etcd, signal } = visit;
  const request = { key: bytesOf(key), value: bytesOf("seen?"), lease };
  let end = (): void => {};
  const seen = new Promise<number>((resolve, reject) => {
    let putAt = 0;
    const timer = setTimeout(() => reject(new Error("nothing came")), watchMs);
    const watch = etcd.watch(
      { key: bytesOf(key) },
      {
        onCreated() {
          putAt = performance.now();
          etcd.txn({ success: [{ op: "put", request }] }, { signal }).catch(reject);
        },
        onEvents: () => resolve(performance.now() - putAt),
        onEnd: reject,
      },
    );
    end = () => {
      clearTimeout(timer);
      watch.close();
    };
  });
  try {
    const tookMs = await abortable(seen, signal);
    return ok("watch", `a change is told ${tookMs.toFixed(1)} ms after it was asked for`);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return fail(
      "watch",
      `a change was not told: ${why}`,
      "does a proxy stand before etcd that cuts streams?",
    );
  } finally {
    end();
  }
}
