// The whole check: quiet while it is green, and the full output of the step that is red.
// Its last line sums up the tests of all steps: "N passed, N failed".

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { findEveryEtcd } from "./etcd-binaries.mjs";
import { messageOf } from "./message-of.mjs";

/** @import { EtcdBinaries } from "./etcd-version.mjs" */

// Whose servers only have to be there: these run once, on the newest etcd.
const onNewestOnly =
  "test/integration/{etcd-server,exit,grpc-handles,cli-lock,cli-looking}.test.ts";

const folder = mkdtempSync(join(tmpdir(), "microlock-check-"));
const tests = { passed: 0, failed: 0 };

try {
  await step("lint", () => quiet("lint"));
  await step("unit tests", () => vitest("unit"));
  await step("build", () => quiet("build"));
  await step("package", async () => {
    await npmRun("package:lint");
    return vitest("package");
  });
  /** @type {EtcdBinaries[]} */
  let etcds = [];
  await step("find etcd", async () => {
    etcds = await findEveryEtcd();
    return etcds.map(({ version }) => version).join(", ");
  });
  // Whoever tests on servers mostly waits for them: what only computes runs meanwhile.
  await together([() => onServers(etcds), simulated]);
  await step("a minute of chaos", async () => {
    // The machine may have other things to do: it may be late by more than when somebody looks on.
    const args = ["--minutes=1", "--seed=1", "--slack-ms=3000", "--quiet"];
    return `${await counted("chaos", /(\d+) of \1 promises kept/, args)} promises kept`;
  });
} catch (error) {
  console.log(messageOf(error));
  process.exitCode = 1;
  // What is red without a red test, such as a step that had no etcd to test on, counts too.
  tests.failed ||= 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
  console.log(`${tests.passed} passed, ${tests.failed} failed`);
}

/** @param {readonly EtcdBinaries[]} etcds */
async function onServers(etcds) {
  for (const { series, version } of etcds) {
    const isNewest = series === etcds.at(-1)?.series;
    await step(`integration on etcd ${version}`, () =>
      vitest(
        "integration",
        { ETCD_VERSION: series },
        isNewest ? [] : [`--exclude=${onNewestOnly}`],
      ),
    );
  }
}

async function simulated() {
  await step("simulator", async () => {
    const pattern = /^(20000) seeds from 1 in [\d.]+ s: 0 failed$/m;
    const output = await npmRun("simulate", ["--seeds=20000"], { givesWay: true });
    const [, seeds] = pattern.exec(output) ?? [];
    // However many they are, it is one test.
    tests.passed += 1;
    return `${Number(seeds).toLocaleString("en")} seeds keep their promises`;
  });
  await step("mutants", async () => {
    const caught = await counted("mutants", /^(\d+) passed, 0 failed$/m, [], { givesWay: true });
    return `${caught} caught by the simulator`;
  });
}

/**
 * Runs all to their ends, so that what fails does not hide what else does.
 *
 * @param {readonly (() => Promise<void>)[]} all
 */
async function together(all) {
  const outcomes = await Promise.allSettled(all.map((each) => each()));
  const failures = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [messageOf(outcome.reason)] : [],
  );
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}

/**
 * @param {string} name
 * @param {() => Promise<string>} work resolves with what is worth telling when it is green
 */
async function step(name, work) {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`.padStart(8);
  try {
    const outcome = await work();
    console.log(`ok    ${seconds()}  ${name}${outcome && `: ${outcome}`}`);
  } catch (error) {
    console.log(`FAIL  ${seconds()}  ${name}`);
    throw error;
  }
}

/**
 * @param {string} project of vitest.config.ts, and script of package.json
 * @param {Record<string, string>} [environment]
 * @param {readonly string[]} [args] more for vitest
 */
async function vitest(project, environment = {}, args = []) {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  try {
    await npmRun(
      project,
      ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args],
      { environment },
    );
  } finally {
    // A run that broke down before its first test leaves none.
    if (existsSync(report)) {
      const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
      tests.passed += numPassedTests;
      tests.failed += numFailedTests;
    }
  }
  const { numPassedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"));
  return `${numPassedTests} tests${numPendingTests > 0 ? `, and ${numPendingTests} SKIPPED` : ""}`;
}

/** @param {string} script of package.json, of which nobody wants to hear while it is green */
async function quiet(script) {
  await npmRun(script);
  return "";
}

/**
 * Runs a script that says how many of its checks passed. Resolves with that.
 *
 * @param {string} script of package.json
 * @param {RegExp} pattern of what it says when all did, with their number
 * @param {readonly string[]} [args] for the script
 * @param {{ givesWay?: boolean }} [options]
 */
async function counted(script, pattern, args, options) {
  const [, passed] = pattern.exec(await npmRun(script, args, options)) ?? [];
  tests.passed += Number(passed);
  return passed;
}

/**
 * Runs a script of package.json. Resolves with what it prints. What it prints is the message of the error when it fails.
 *
 * @param {string} script
 * @param {readonly string[]} [args]
 * @param {object} [options]
 * @param {Record<string, string>} [options.environment]
 * @param {boolean} [options.givesWay] to all else that wants to run
 */
async function npmRun(script, args = [], { environment = {}, givesWay = false } = {}) {
  const child = spawn("npm", ["run", "--silent", script, "--", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // With CI set, some would colour what nobody may ever see on a terminal.
    env: {
      ...(process.env["FORCE_COLOR"] ? {} : { NO_COLOR: "1" }),
      ...process.env,
      ...environment,
    },
  });
  if (givesWay && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(output.trim() || `npm run ${script} ended with ${code}`);
  return output;
}
