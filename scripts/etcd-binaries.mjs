// Finds etcd and etcdctl for the tests, in this order: ETCD_BIN, the PATH, Debian's or
// Ubuntu's packages.
//
// `node scripts/etcd-binaries.mjs [series]` prints what it found.

import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { hasApt } from "./apt.mjs";
import { packagedEtcds } from "./etcd-packages.mjs";
import { compareVersions, etcdBinaries } from "./etcd-version.mjs";
import { messageOf } from "./message-of.mjs";

/** @import { EtcdBinaries } from "./etcd-version.mjs" */

/** The series that the tests run on, oldest first. */
const testedSeries = ["3.4", "3.5"];

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
  if (given) {
    const etcd = resolve(given);
    const beside = join(dirname(etcd), "etcdctl");
    try {
      return await etcdBinaries(etcd, existsSync(beside) ? beside : onPath("etcdctl"));
    } catch (error) {
      throw new Error(`ETCD_BIN is ${given}, which does not start: ${messageOf(error)}`);
    }
  }

  const etcd = onPath("etcd");
  if (!etcd) return undefined;
  const own = await etcdBinaries(etcd, onPath("etcdctl"));
  if (compareVersions(own.version, "3.4") >= 0) return own;
  console.warn(`Passing over ${etcd}: it is etcd ${own.version}, and 3.4 is the oldest supported.`);
  return undefined;
}

/** @param {string} program */
function onPath(program) {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
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
