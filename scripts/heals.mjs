// @ts-nocheck It imports the built package, which need not be there when types are checked.

// How soon a client can take locks again when its way to etcd is whole after it was cut.
//
// `npm run heals -- --heals 100 --ttl 5 --etcd 3.4`. Clients have one way each, which is cut for one to
// twelve seconds: nothing comes through and nobody is told. Half of the time what was sent meanwhile comes
// after all, as TCP has it; half of the time it is lost, and so is the connection, which neither side knows.

import { once } from "node:events";
import { connect as connectTcp, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connect } from "microlock";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { startServer } from "./etcd-server.mjs";
import { spread, take } from "./taking.mjs";

const { values } = parseArgs({
  options: {
    heals: { type: "string", default: "100" },
    ttl: { type: "string", default: "5" },
    etcd: { type: "string" },
  },
});
const heals = Number(values.heals);
const ttlMs = Number(values.ttl) * 1_000;
const clients = 20;
const goalMs = 1_000;

const binaries = (await findEveryEtcd(values.etcd)).at(-1);
if (!binaries) throw new Error("There is no etcd");
const server = await startServer(binaries);
const back = [];
let left = heals;
try {
  await Promise.all(Array.from({ length: clients }, (_, by) => cutAndHeal(by)));
} finally {
  await server.stop();
}
console.log(`etcd ${binaries.version}, TTL ${values.ttl} s: ${back.length} cuts of 1 to 12 s
until locks are taken again, once they healed: ${spread(back, 99)} (goal: p99 at most ${goalMs} ms)`);

async function cutAndHeal(by) {
  const way = await openWay(server.endpoint);
  const locks = await connect(way.endpoint, { ttlMs });
  const over = new AbortController();
  const taken = [];
  const taking = take(locks, `taken-${by}`, taken, over.signal);
  while (left-- > 0) {
    await sleep(500 + Math.random() * 500);
    way.cut({ isLost: Math.random() < 0.5 });
    await sleep(1_000 + Math.random() * 11_000);
    const healedAt = performance.now();
    way.heal();
    while (!(taken.at(-1) >= healedAt)) await sleep(5);
    back.push(taken.find((time) => time >= healedAt) - healedAt);
  }
  over.abort();
  await taking;
  await locks.close();
  way.close();
}

/** A way to a server that can be cut. */
async function openWay(target) {
  const [host, port] = target.split(":");
  const ends = new Set();
  let cut;
  const listener = createServer({ noDelay: true }, (inner) => {
    const outer = connectTcp({ host, port: Number(port), noDelay: true });
    pass(inner, outer);
    pass(outer, inner);
  });
  const pass = (from, to) => {
    ends.add(from);
    if (cut) from.pause();
    from.on("data", (chunk) => {
      if (!from.isLost) to.write(chunk);
    });
    from.on("error", () => {});
    from.on("close", () => {
      ends.delete(from);
      to.destroy();
    });
  };
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    endpoint: `127.0.0.1:${listener.address().port}`,
    cut(how) {
      cut = how;
      for (const end of ends) end.pause();
    },
    heal() {
      for (const end of ends) {
        end.isLost ||= cut.isLost;
        end.resume();
      }
      cut = undefined;
    },
    close() {
      listener.close();
      for (const end of ends) end.destroy();
    },
  };
}
