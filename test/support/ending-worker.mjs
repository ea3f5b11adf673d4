// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A process that holds a lock and comes to an end, in the way that it is told.
import { createInterface } from "node:readline";
import { connect } from "microlock";

const [endpoint, name, given, how] = process.argv.slice(2);
const say = (fact) => process.stdout.write(`${JSON.stringify(fact)}\n`);
const locks = await connect(endpoint, JSON.parse(given));
const hold = await locks.acquire(name);
hold.signal.addEventListener("abort", () => say({ told: hold.signal.reason.reason }));
say({ token: String(hold.fencingToken), lease: String(hold.lease), pid: process.pid });

const ends = {
  "end by itself": () => {},
  exit: () => process.exit(3),
  throw: () => setTimeout(() => JSON.parse("{"), 1),
  reject: () => void Promise.reject(new Error("nobody caught it")),
  "wait for a signal": () => setInterval(() => {}, 1_000),
  "listen itself": () => {
    const working = setInterval(() => {}, 1_000);
    process.once("SIGTERM", () => {
      say({ asked: true });
      setTimeout(() => clearInterval(working), 200);
    });
  },
  "kill itself": () => process.kill(process.pid, "SIGKILL"),
  compute: () => {
    const until = Date.now() + 6_000;
    while (Date.now() < until);
    say({ computed: { held: hold.held, aborted: hold.signal.aborted } });
    setTimeout(async () => {
      say({ later: hold.held });
      say({
        released: await hold.release().then(
          () => "done",
          (error) => error.reason,
        ),
      });
      await locks.close();
    }, 100);
  },
};
const begin = () => ends[how]();
if (how === "end by itself") begin();
else {
  const input = createInterface({ input: process.stdin });
  input.once("line", () => {
    input.close();
    process.stdin.destroy();
    begin();
  });
}
if (how === "end by itself") process.stdin.destroy();
