// An etcd for tests, of which nothing stays. Nothing here ends the process: it has to end by itself.
import assert from "node:assert/strict";
import { connect } from "microlock";
import { startEtcd } from "microlock/testkit";

const etcd = await startEtcd();
const locks = await connect(etcd.address);
const hold = await locks.acquire("invoices/2026-11");
const answer = await fetch(`${etcd.url}/version`);
assert.match((await answer.json()).etcdserver, /\+microlock$/);
await hold.release();
await locks.close();
await etcd.stop();

// One that nobody stops ends with the process.
await startEtcd();
console.log("done");
