// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A process that does one thing with a lock, for tests that look at it from another process. It
// says what happens as JSON, a line each, and stays until it is ended, if that is its part.
import { connect } from "microlock";

const [endpoint, part, name, argument] = process.argv.slice(2);
const say = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`);
const locks = await connect(endpoint, { ttlMs: 2_000, nodeId: `the ${part} process` });
const stay = () => new Promise((resolve) => setTimeout(resolve, 600_000));

const parts = {
  async detach() {
    const hold = await locks.acquire(name);
    say({ token: String(hold.fencingToken), key: hold.key });
    say({ ticket: await hold.detach({ ttlMs: 2_000 }) });
    await locks.close();
  },
  async attach() {
    const hold = await locks.attach(argument);
    say({ token: String(hold.fencingToken), key: hold.key });
    await hold.put(`written/${name}`, "by who attached");
    await hold.release();
    await locks.close();
  },
  async once() {
    await locks.once(name, JSON.parse(argument), async () => {
      say({ runs: true });
      await stay();
    });
  },
  async hold() {
    const hold = await locks.acquire(name, { reason: "as a test" });
    hold.signal.addEventListener("abort", () => {
      const { reason, cause } = hold.signal.reason;
      say({ lost: { reason, by: cause?.by, why: cause?.reason, message: cause?.message } });
    });
    say({ token: String(hold.fencingToken), key: hold.key });
    await stay();
  },
};
await parts[part]();
