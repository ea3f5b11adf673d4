// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A process under load for as long as wanted: whether its memory stays flat, nothing is warned of,
// nothing fails, and nothing is left behind. Against a real etcd on loopback.
//
// `npm run load -- --cycles 100000 --at-once 1000` (the default), `--minutes 60` goes on for that
// long instead, `--waiters 10000` has that many wait for one lock.

import { parseArgs } from "node:util";
import { connect } from "microlock";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { startServer } from "./etcd-server.mjs";

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "100000" },
    minutes: { type: "string" },
    "at-once": { type: "string", default: "1000" },
    waiters: { type: "string" },
    etcd: { type: "string" },
  },
});
const [atOnce, cycles, minutes, waiters] = [
  values["at-once"],
  values.cycles,
  values.minutes ?? "0",
  values.waiters ?? "0",
].map(Number);
if (
  ![atOnce, cycles, minutes, waiters].every((each) => Number.isFinite(each) && Number(each) >= 0)
) {
  throw new Error("The options are numbers");
}
const { gc } = globalThis;
if (!gc) throw new Error("Run it by `npm run load`, or with node --expose-gc");
/** Memory may grow by that much from when all is warm until the end. */
const growthMax = 16 * 1_024 * 1_024;

/** @type {string[]} */
const warnings = [];
process.on("warning", ({ message }) => warnings.push(message));
const binaries = (await findEveryEtcd(values.etcd)).at(-1);
if (!binaries) throw new Error("There is no etcd");
// What is compacted away costs nothing.
const args = ["--auto-compaction-mode=revision", "--auto-compaction-retention=10000"];
const etcd = await startServer(binaries, { args });
const locks = await connect(etcd.endpoint);
/** @type {unknown[]} */
const errors = [];
let isFlat = true;

try {
  if (Number(waiters) > 0) await crowd(Number(waiters));
  else await churn();
  await locks.close();
  const { stdout: keys } = await etcd.etcdctl("get", "", "--from-key", "--keys-only");
  const { stdout: leases } = await etcd.etcdctl("lease", "list");
  const left = keys.trim() || (leases.trim() === "found 0 leases" ? "nothing" : leases.trim());
  console.log(`errors: ${errors.length}, warnings: ${warnings.length}, left behind: ${left}`);
  for (const each of [...errors.slice(0, 3), ...warnings.slice(0, 3)]) console.log(String(each));
  if (errors.length > 0 || warnings.length > 0 || left !== "nothing" || !isFlat) {
    process.exitCode = 1;
  }
} finally {
  await etcd.stop();
}

/** Takes locks and lets them go: half of the names are everybody's, half nobody else's. */
async function churn() {
  /** @type {number[]} */
  let tookMs = [];
  let done = 0;
  const startedAt = performance.now();
  const endsAt = startedAt + Number(minutes) * 60_000;
  const isOver = () => (minutes ? performance.now() >= endsAt : done >= Number(cycles));
  const total = Number(cycles);
  let warm = 0;
  const worker = async (/** @type {number} */ index) => {
    while (!isOver()) {
      const name = done % 2 === 0 ? `own-${index}` : `shared-${done % 100}`;
      done += 1;
      const askedAt = performance.now();
      try {
        const hold = await locks.acquire(name, { waitMs: 60_000 });
        tookMs.push(performance.now() - askedAt);
        await hold.release();
      } catch (error) {
        errors.push(error);
      }
    }
  };
  const report = setInterval(
    () => {
      const heap = heapNow();
      const elapsed = performance.now() - startedAt;
      if (!warm && (minutes ? elapsed > Number(minutes) * 6_000 : done > total / 10)) warm = heap;
      if (minutes) say(done, elapsed, tookMs, heap);
      // An hour has more of them than fit.
      if (tookMs.length > 2_000_000) tookMs = tookMs.slice(-1_000_000);
    },
    minutes ? 10_000 : 250,
  );
  await Promise.all(Array.from({ length: Number(atOnce) }, (_, index) => worker(index)));
  clearInterval(report);
  const heap = heapNow();
  say(done, performance.now() - startedAt, tookMs, heap);
  isFlat = heap - (warm || heap) < growthMax;
  console.log(`memory: ${megabytes(warm || heap)} when warm, ${megabytes(heap)} at the end`);
}

/** @param {number} count */
async function crowd(count) {
  const gate = await locks.acquire("crowd");
  /** @type {number[]} */
  const tookMs = [];
  /** @type {bigint[]} */
  const tokens = [];
  let releasedAt = 0;
  const before = heapNow();
  const startedAt = performance.now();
  const all = Promise.all(
    Array.from({ length: count }, async () => {
      const hold = await locks.acquire("crowd", {}).catch((error) => void errors.push(error));
      if (!hold) return;
      tookMs.push(performance.now() - releasedAt);
      tokens.push(hold.fencingToken);
      releasedAt = performance.now();
      await hold.release();
    }),
  );
  const range = { key: Buffer.from("microlock/crowd/"), rangeEnd: Buffer.from("microlock/crowd0") };
  for (let standing = 0n; standing <= BigInt(count) && errors.length === 0; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const request = { ...range, countOnly: true };
    const { responses } = await locks.etcd.txn({ success: [{ op: "range", request }] });
    const [found] = responses;
    standing = found?.op === "range" ? found.response.count : 0n;
  }
  const joinedMs = performance.now() - startedAt;
  const perWaiter = (heapNow() - before) / count;
  releasedAt = performance.now();
  await gate.release();
  await all;
  const isFair = tokens.every((token, index) => index === 0 || token > (tokens[index - 1] ?? 0n));
  if (!isFair) errors.push(new Error("They did not get in in the order in which they joined"));
  const [p50, p99] = percentiles(tookMs);
  console.log(
    `${count} waiters joined in ${(joinedMs / 1_000).toFixed(1)} s, ${(perWaiter / 1_024).toFixed(1)} KiB each; hand-over p50 ${p50} ms, p99 ${p99} ms; in order: ${isFair}`,
  );
}

function heapNow() {
  gc?.();
  return process.memoryUsage().heapUsed;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`;
}

/** @param {readonly number[]} all */
function percentiles(all) {
  const sorted = all.toSorted((one, other) => one - other);
  return [0.5, 0.99].map((part) => sorted[Math.floor(sorted.length * part)]?.toFixed(1) ?? "-");
}

/**
 * @param {number} done
 * @param {number} elapsedMs
 * @param {readonly number[]} tookMs
 * @param {number} heap
 */
function say(done, elapsedMs, tookMs, heap) {
  const [p50, p99] = percentiles(tookMs);
  const rate = (done / (elapsedMs / 1_000)).toFixed(0);
  console.log(
    `${done} cycles, ${atOnce} at once, ${rate}/s; acquire p50 ${p50} ms, p99 ${p99} ms; heap ${megabytes(heap)}`,
  );
}
