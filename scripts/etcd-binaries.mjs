// Finds etcd and etcdctl for the tests, in this order: ETCD_BIN, the PATH, Debian's or
// Ubuntu's packages.
//
// `node scripts/etcd-binaries.mjs [series]` prints what it found.

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { hasApt } from "./apt.mjs";
import { packagedEtcds } from "./etcd-packages.mjs";
import { compareVersions, etcdBinaries } from "./etcd-version.mjs";
import { messageOf } from "./message-of.mjs";

/** @import { EtcdBinaries } from "./etcd-version.mjs" */

/** The series that the tests run on, oldest first. */
const testedSeries = ["3.4", "3.5"];
const oldestVersion = "3.4";

const threeWays = [
  "Give it one in one of three ways:",
  "  - set ETCD_BIN to the path of an etcd binary, 3.4 or newer",
  "  - put etcd on the PATH, for example with `brew install etcd`",
  "  - run this on Debian or Ubuntu, where it fetches their packages by itself",
].join("\n");

/**
 * The etcds that a test run is for: the tested series, and what ETCD_BIN or the PATH gives.
 * A series that cannot be had is an error, never a skipped test. The exception is a machine
 * without apt that has an etcd of its own: the tests run on that one alone.
 *
 * @param {string | undefined} onlySeries as in ETCD_VERSION: this series and no other
 * @returns {Promise<EtcdBinaries[]>} oldest first
 */
export async function findEveryEtcd(onlySeries = process.env["ETCD_VERSION"] || undefined) {
  const wanted = onlySeries ? [onlySeries] : testedSeries;
  const own = await ownEtcd();
  const found = own && (!onlySeries || own.series === onlySeries) ? [own] : [];
  const missing = wanted.filter((series) => series !== own?.series);

  if (missing.length > 0 && found.length > 0 && !(await hasApt())) {
    console.warn(
      `No apt here to fetch etcd ${missing.join(" and ")}: running on etcd ${own?.version} (${own?.etcd}) alone.`,
    );
  } else if (missing.length > 0) {
    try {
      found.push(...(await packagedEtcds(missing)));
    } catch (error) {
      throw new Error(`${messageOf(error)}\n${threeWays}`);
    }
  }
  return found.sort((one, other) => compareVersions(one.version, other.version));
}

/** @returns {Promise<EtcdBinaries | undefined>} what ETCD_BIN or the PATH gives */
async function ownEtcd() {
  const given = process.env["ETCD_BIN"];
  const etcd = given ? resolve(given) : onPath("etcd");
  if (!etcd) return undefined;

  const source = given ? `ETCD_BIN is ${given}` : `The first etcd on the PATH is ${etcd}`;
  const beside = join(dirname(etcd), "etcdctl");
  const own = await etcdBinaries(etcd, isProgram(beside) ? beside : onPath("etcdctl")).catch(
    (error) => {
      throw new Error(`${source}, which does not start: ${messageOf(error)}`);
    },
  );
  if (compareVersions(own.version, oldestVersion) >= 0) return own;
  const tooOld = `${source}, of version ${own.version}: ${oldestVersion} is the oldest supported.`;
  if (given) throw new Error(tooOld);
  console.warn(`${tooOld} Passing it over.`);
  return undefined;
}

/** @param {string} program */
function onPath(program) {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isProgram);
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const { version, etcd, etcdctl } of await findEveryEtcd(process.argv[2])) {
      console.log(`${version}\t${etcd}\t${etcdctl ?? "no etcdctl"}`);
    }
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}
