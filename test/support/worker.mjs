// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A process that holds a lock, for tests that stop and kill it. It uses the built package,
// says what happens as JSON, a line each, and does what it is told through its input.
import { createInterface } from "node:readline";
import { connect } from "microlock";

const [endpoint, name, ttlMs] = process.argv.slice(2);
const say = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`);
const outcome = (promise) =>
  promise.then(
    () => "done",
    (error) => error.code ?? String(error),
  );

const locks = await connect(endpoint, { ttlMs: Number(ttlMs) });
say({ connected: true });
const hold = await locks.acquire(name);
const { signal } = hold;
say({ token: String(hold.fencingToken), key: hold.key });
signal.addEventListener("abort", () => say({ told: signal.reason.reason, at: Date.now() }));

let lastTick = performance.now();
const ticking = setInterval(() => {
  const now = performance.now();
  // What the first of the user's own code sees after a pause.
  if (now - lastTick > 1_000) say({ woke: { held: hold.held, aborted: signal.aborted } });
  lastTick = now;
}, 5);

for await (const command of createInterface({ input: process.stdin })) {
  if (command === "put") say({ put: await outcome(hold.put(`written/${name}`, "by the worker")) });
  if (command === "release") say({ release: await outcome(hold.release()) });
  if (command === "block") {
    // Nothing of this process runs until the lease has long ended: the loop is blocked.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ttlMs) + 1_500);
    say({ unblocked: { held: hold.held, aborted: signal.aborted } });
  }
  if (command === "time") say({ time: Date.now(), held: hold.held });
  if (command === "end") break;
}
clearInterval(ticking);
await locks.close();
say({ closed: process.getActiveResourcesInfo().filter((kind) => kind.includes("TCP")) });
process.stdin.destroy();
