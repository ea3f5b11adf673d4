// One lock, from end to end. Nothing here ends the process: it has to end by itself.
import assert from "node:assert/strict";
import { connect } from "microlock";

const locks = await connect("memory:");

const hold = await locks.acquire("invoices/2026-11");
assert.equal(typeof hold.fencingToken, "bigint");
assert.equal(hold.held, true);
assert.equal(await locks.tryAcquire("invoices/2026-11"), undefined);
const next = locks.acquire("invoices/2026-11");
await hold.release();
assert.equal(hold.held, false);
const second = await next;
assert.ok(second.fencingToken > hold.fencingToken);
await second.release();

const result = await locks.run("invoices/2026-11", async ({ signal }) => signal.aborted);
assert.equal(result, false);

await locks.close();
console.log("done");
