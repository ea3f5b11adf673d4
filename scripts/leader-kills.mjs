// @ts-nocheck It imports the built package, which need not be there when types are checked.

// How soon locks can be taken again when the leader of etcd is killed, from when another one is elected.
//
// `npm run leader-kills -- --kills 20 --ttl 5 --etcd 3.4` on three nodes on loopback. Some clients take and
// release locks all the time; some hold one, and must keep it.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "microlock";
import { askMember } from "../dist/etcd/grpc/probe.js";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { startServers } from "./etcd-server.mjs";
import { ms, spread, take } from "./taking.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "10" },
    ttl: { type: "string", default: "5" },
    etcd: { type: "string" },
  },
});
const kills = Number(values.kills);
const ttlMs = Number(values.ttl) * 1_000;
const takers = 6;
const keepers = 6;
const goalMs = 500;

const binaries = (await findEveryEtcd(values.etcd)).at(-1);
if (!binaries) throw new Error("There is no etcd");
const cluster = await startServers(binaries, 3);
const { members, endpoints } = cluster;
const elections = [];
const back = [];
let lost = 0;

try {
  const clients = await Promise.all(
    Array.from({ length: takers + keepers }, (_, index) =>
      connect([...endpoints.slice(index % 3), ...endpoints.slice(0, index % 3)], { ttlMs }),
    ),
  );
  let holds = [];
  for (let round = 1; round <= kills; round++) {
    const leader = await newLeader();
    holds = await Promise.all(
      clients
        .slice(takers)
        .map((locks, index) =>
          holds[index]?.held ? holds[index] : locks.acquire(`kept-${index}`),
        ),
    );
    const taken = clients.slice(0, takers).map(() => []);
    const over = new AbortController();
    const taking = clients
      .slice(0, takers)
      .map((locks, by) => take(locks, `taken-${by}`, taken[by], over.signal));
    await sleep(500 + Math.random() * 500);

    const killedAt = performance.now();
    await leader.kill();
    await newLeader(leader);
    const electedAt = performance.now();
    await sleep(3_000);

    over.abort();
    await Promise.all(taking);
    elections.push(electedAt - killedAt);
    const backMs = taken.map(
      (times) => (times.find((at) => at >= electedAt) ?? Infinity) - electedAt,
    );
    back.push(...backMs);
    const gone = holds.filter(({ held }) => !held).length;
    lost += gone;
    console.log(
      `${round}/${kills}: elected after ${ms(elections.at(-1))}, locks taken ${backMs.map(ms).join(", ")} after that; ${gone} of ${keepers} lost`,
    );
    await leader.restart();
  }
  await Promise.all(clients.map((locks) => locks.close()));
} finally {
  await cluster.stop();
}
console.log(`etcd ${binaries.version}, TTL ${values.ttl} s: ${kills} kills of the leader
until another one is elected: ${spread(elections, 90)}
until locks are taken again, after that: ${spread(back, 90)} (goal: at most ${goalMs} ms)
live locks lost: ${lost} of ${kills * keepers}`);
if (lost > 0) process.exitCode = 1;

/** Waits until a member leads that is not the one that was killed. */
async function newLeader(killed) {
  for (;;) {
    for (const member of members) {
      if (member === killed) continue;
      const bounds = { connectTimeoutMs: 300, callTimeoutMs: 300 };
      const status = await askMember(member.endpoint, bounds).catch(() => undefined);
      if (status && status.leader === status.header.memberId) return member;
    }
    await sleep(10);
  }
}
