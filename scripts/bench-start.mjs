// How long it takes from `microlock run` until its command runs, when the lock is free: on a real
// etcd on loopback, against the start of Node.js itself. `npm run bench:start -- 50` makes 50
// rounds, in which the two take turns, so that what slows the machine down slows down both.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { startServer } from "./etcd-server.mjs";

const goalMs = 60;
const warmUps = 3;
const rounds = Number(process.argv[2] ?? 30);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("The argument is how many rounds");

const cli = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));
const binaries = (await findEveryEtcd()).at(-1);
if (!binaries) throw new Error("There is no etcd");
const etcd = await startServer(binaries);

try {
  const runCommand = ["run", "free", `--endpoints=${etcd.endpoint}`, "--", "date", "+%s%N"];
  /** @type {number[]} */
  const bare = [];
  /** @type {number[]} */
  const ours = [];
  for (let round = -warmUps; round < rounds; round++) {
    const { tookMs } = await run(["-e", "0"]);
    const { startedAtMs, stdout } = await run([cli, ...runCommand]);
    if (round < 0) continue;
    bare.push(tookMs);
    ours.push(Number(BigInt(stdout.trim()) / 1_000n) / 1_000 - startedAtMs);
  }
  const overheadMs = median(ours) - median(bare);
  const verdict = overheadMs <= goalMs ? "within" : "beyond";
  const { node } = process.versions;
  console.log(`Node.js ${node}, etcd ${etcd.version}; ${rounds} rounds: median (fastest)`);
  say("node -e 0, from start to end", median(bare), Math.min(...bare));
  say("microlock run free -- date, until date runs", median(ours), Math.min(...ours));
  say("the difference", overheadMs, Math.min(...ours) - Math.min(...bare));
  console.log(`The median of the difference is ${verdict} the goal of ${goalMs} ms.`);
} finally {
  await etcd.stop();
}

/** @param {readonly string[]} args */
async function run(args) {
  const env = { ...process.env };
  // Node.js 20 reads these at each start, for a hundred milliseconds.
  delete env["NODE_EXTRA_CA_CERTS"];
  const startedAtMs = performance.timeOrigin + performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  const exited = once(child, "exit").then(() => performance.timeOrigin + performance.now());
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with ${code}`);
  return { startedAtMs, tookMs: (await exited) - startedAtMs, stdout };
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/**
 * @param {string} what
 * @param {number} medianMs
 * @param {number} fastestMs
 */
function say(what, medianMs, fastestMs) {
  const fastest = `(${fastestMs.toFixed(1)})`;
  console.log(`  ${what.padEnd(44)} ${medianMs.toFixed(1).padStart(6)} ms ${fastest.padStart(8)}`);
}
