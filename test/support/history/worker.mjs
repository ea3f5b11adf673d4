// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A process that goes through its rounds until it is told to end, and prints its history. It
// uses the built package.

import { connect } from "microlock";
import { take } from "./steps.mjs";

const { endpoint, ttlMs, skewMs, who, strands } = JSON.parse(process.argv[2]);
// What may come when a process was stopped for long, and no sooner.
const expected = ["ALREADY_LOCKED", "LOCK_LOST", "PLACE_LOST", "STORE_UNAVAILABLE"];

/**
 * Waits until it is time for what is done once per tick, by the clock of this process. Some come
 * so late that it may be done again.
 */
async function nextTick({ everyMs, restMs }) {
  if (!everyMs) return;
  const lateMs = restMs % 2 === 0 ? 0 : everyMs * 0.6;
  await base.pause(everyMs - ((Date.now() + skewMs) % everyMs) + lateMs);
}

let isOver = false;
const over = new Promise((resolve) => {
  process.stdin.once("data", () => {
    isOver = true;
    resolve();
  });
});

const locks = await connect(endpoint, { ttlMs, nodeId: who });
const base = {
  locks,
  expected,
  // The same clock for all processes of a machine.
  now: () => Number(process.hrtime.bigint()) / 1e6,
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  calm: async () => {},
  nobodyComes: () => over,
  // A pipe is written to at once: what was told is not lost when the process is killed.
  tell: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
};
await Promise.all(
  strands.map(async (rounds, index) => {
    const strand = { ...base, who: `${who}/${"abcdefghi"[index]}` };
    for (let round = 0; !isOver; round = (round + 1) % rounds.length) {
      await nextTick(rounds[round]);
      await take(rounds[round], strand);
      await strand.pause(rounds[round].restMs);
    }
  }),
);
await locks.close();
process.stdin.destroy();
