// @ts-nocheck It imports the built package, which need not be there when types are checked.

// What becomes of live locks when the leader of etcd stands still for longer than a TTL and then
// goes on: it removes leases that it has heard nothing of, and answers keepalives of another time.
//
// `npm run leader-pauses -- --pauses 100 --ttl 3 --etcd 3.4 --strict` on three nodes on loopback.
// Clients of all nodes must keep their locks; at a TTL of 3 s some expire where the votes for the next
// leader are split, which takes etcd up to 4 s, and is told in time like any other outage. Clients of the leader alone lose them, and are asked
// how long they believed in one after its key had gone.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "microlock";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { startServers } from "./etcd-server.mjs";

/** @import { EtcdCluster } from "./etcd-server.mjs" */

/**
 * @typedef {object} Held
 * @property {Hold} hold
 * @property {boolean} isPinned whether its client knows the leader alone
 * @property {number | undefined} believedUntil when it was asked last and said yes
 */

const { values } = parseArgs({
  options: {
    pauses: { type: "string", default: "10" },
    "pause-ms": { type: "string", default: "7000" },
    ttl: { type: "string", default: "3" },
    etcd: { type: "string" },
    strict: { type: "boolean", default: false },
  },
});
const pauses = Number(values.pauses);
const pauseMs = Number(values["pause-ms"]);
const ttlMs = Number(values.ttl) * 1_000;
const { strict } = values;
const clients = 4;
const locksEach = 10;
// Until those that were revoked are told, and those that were moved are seen.
const afterwardsMs = 2_500;
// As often as somebody asks.
const askMs = 2;

const binaries = (await findEveryEtcd(values.etcd)).at(-1);
if (!binaries) throw new Error("There is no etcd");
const cluster = await startServers(binaries, 3);
/** @type {Map<string, Held>} */
const helds = new Map();
/** @type {number[]} */
const overbeliefs = [];
/** Whose lease etcd removed while it was being renewed. */
let removed = 0;
/** Whose lease could not be renewed in time, since etcd had no leader for longer. */
let expired = 0;
let live = 0;
/** @type {Map<string, number>} */
const deletions = new Map();
let round = 0;

const asking = setInterval(() => {
  for (const held of helds.values()) if (held.hold.held) held.believedUntil = performance.now();
}, askMs);

try {
  const steady = await Promise.all(Array.from({ length: clients }, () => open(cluster.endpoints)));
  const witness = await open(cluster.endpoints);
  const watch = witness.etcd.watch(
    { key: Buffer.from("microlock/"), rangeEnd: Buffer.from("microlock0") },
    {
      onEvents(events) {
        const at = performance.now();
        for (const { type, kv } of events) {
          if (type === "delete") deletions.set(Buffer.from(kv.key).toString(), at);
        }
      },
      onEnd() {},
    },
  );
  for (round = 1; round <= pauses; round++) {
    const leader = await leaderOf(cluster);
    const pinned = await Promise.all([1, 2].map(() => open([leader.endpoint])));
    await Promise.all(steady.map((locks, index) => fill(locks, `steady-${index}`, false)));
    await Promise.all(pinned.map((locks, index) => fill(locks, `pinned-${index}`, true, 2)));
    await sleep(Math.random() * 500);
    live += clients * locksEach;
    leader.signal("SIGSTOP");
    await sleep(pauseMs);
    leader.signal("SIGCONT");
    await sleep(afterwardsMs);
    const lost = tally();
    console.log(`${round}/${pauses}: ${lost} of ${clients * locksEach} live locks lost`);
    await Promise.all(pinned.map((locks) => locks.close().catch(() => {})));
  }
  watch.close();
  clearInterval(asking);
  await Promise.all([...steady, witness].map((locks) => locks.close()));
  say();
} finally {
  clearInterval(asking);
  await cluster.stop();
}

/** Counts what was lost, and for how long it was believed, and forgets it. */
function tally() {
  let lost = 0;
  for (const [name, { hold, isPinned, believedUntil = 0 }] of helds) {
    const goneAt = deletions.get(hold.key);
    if (hold.held && goneAt === undefined) continue;
    helds.delete(name);
    if (!isPinned) {
      lost += 1;
      if (hold.signal.reason?.reason === "expired") expired += 1;
      else removed += 1;
    }
    if (goneAt !== undefined) overbeliefs.push(believedUntil - goneAt);
    if (!isPinned) console.log(`  lost: ${name}, ${hold.signal.reason?.reason ?? "not told"}`);
    void hold.release().catch(() => {});
  }
  return lost;
}

/**
 * @param {Locks} locks
 * @param {string} who
 * @param {boolean} isPinned
 */
async function fill(locks, who, isPinned, count = locksEach) {
  for (let index = 0; index < count; index++) {
    const name = isPinned ? `${who}-${index}-${round}` : `${who}-${index}`;
    if (helds.has(name)) continue;
    const hold = await locks.acquire(name);
    helds.set(name, { hold, isPinned, believedUntil: undefined });
  }
}

/** @param {readonly string[]} endpoints */
function open(endpoints) {
  return connect([...endpoints], { ttlMs, strict, callTimeoutMs: 10_000 });
}

/** @param {EtcdCluster} cluster */
async function leaderOf({ members }) {
  for (;;) {
    for (const member of members) {
      const { stdout } = await member.etcdctl("endpoint", "status", "--write-out=json");
      const [{ Status } = { Status: undefined }] = JSON.parse(stdout || "[]");
      if (Status && Status.leader === Status.header.member_id) return member;
    }
    await sleep(200);
  }
}

function say() {
  const worst = Math.max(0, ...overbeliefs);
  const late = overbeliefs.filter((ms) => ms > 0).length;
  console.log(
    [
      `etcd ${binaries?.version}, TTL ${ttlMs / 1_000} s, ${strict ? "strict" : "not strict"}: ${pauses} pauses of the leader of ${pauseMs / 1_000} s`,
      `of ${live} locks that were renewed: removed while they were alive ${removed}; expired, since etcd chose no leader in time ${expired}`,
      `keys that went under a holder: ${overbeliefs.length}; believed in afterwards: ${late}, at worst for ${worst.toFixed(0)} ms (asked every ${askMs} ms)`,
    ].join("\n"),
  );
  if (removed > 0 || worst > (strict ? 0 : 50)) process.exitCode = 1;
}
