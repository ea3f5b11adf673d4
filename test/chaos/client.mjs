// @ts-nocheck It imports the built package, which need not be there when types are checked.

// A client process: it goes through its program until it is told to end, and prints its history. Its
// first line of input is the program, as JSON; when its input ends, so does it.

import { createInterface } from "node:readline";
import { connect } from "microlock";
import { take } from "../support/history/steps.mjs";
import { addToLedger } from "./add-to-ledger.mjs";

// What may come when etcd, the way to it or this process fails, and no sooner.
const expected = ["ALREADY_LOCKED", "LOCK_LOST", "PLACE_LOST", "STORE_UNAVAILABLE", "STORE_FULL"];

const now = () => Number(process.hrtime.bigint()) / 1e6;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// A pipe is written to at once: what was told is not lost when the process is killed.
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

let isOver = false;
let begin;
let finish;
const program = new Promise((resolve) => {
  begin = resolve;
});
const over = new Promise((resolve) => {
  finish = resolve;
});
createInterface({ input: process.stdin })
  .once("line", (first) => begin(JSON.parse(first)))
  .on("line", (line) => {
    if (line !== "end") return;
    isOver = true;
    finish();
  })
  .once("close", () => process.exit());

const { endpoints, options, who, skewMs, strands, ledgerUrl } = await program;

/** Asks again as long as nobody is there who could answer. */
async function connectAtLast() {
  for (;;) {
    try {
      return await connect(endpoints, { ...options, nodeId: who });
    } catch (error) {
      if (error.code !== "STORE_UNAVAILABLE" && error.code !== "STORE_FULL") throw error;
      await pause(100);
    }
  }
}

/** What is done once per tick is due then by the clock of this process; some come late. */
async function nextTick({ everyMs, restMs }) {
  if (!everyMs) return;
  const lateMs = restMs % 2 === 0 ? 0 : everyMs * 0.6;
  await pause(everyMs - ((Date.now() + skewMs) % everyMs) + lateMs);
}

const locks = await connectAtLast();
tell({ ready: true });
const base = { locks, expected, now, pause, calm: async () => {}, nobodyComes: () => over, tell };
await Promise.all(
  strands.map(async (steps, index) => {
    const strand = { ...base, who: `${who}/${index + 1}` };
    for (let turn = 0; !isOver; turn++) {
      const step = steps[turn % steps.length];
      await nextTick(step);
      if (step.primitive === "ledger") {
        await addToLedger(step, strand, { url: ledgerUrl, item: `${who}-${turn}` });
      } else {
        await take(step, strand);
      }
      await pause(step.restMs);
    }
  }),
);
await locks.close();
process.exit();
