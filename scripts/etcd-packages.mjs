// Etcds from the packages of Debian or Ubuntu. The machine's own apt downloads them, with
// signatures checked, and they are unpacked into .cache/etcd/<version>/. Nothing is installed
// and no root is needed.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasApt, privateApt } from "./apt.mjs";
import { compareVersions, etcdBinaries, seriesOf } from "./etcd-version.mjs";
import { messageOf } from "./message-of.mjs";

/** @import { PrivateApt } from "./apt.mjs" */
/** @import { EtcdBinaries } from "./etcd-version.mjs" */

const cache = fileURLToPath(new URL("../.cache/etcd/", import.meta.url));

/**
 * @param {readonly string[]} wanted series
 * @returns {Promise<EtcdBinaries[]>} the newest of each
 */
export async function packagedEtcds(wanted) {
  const cached = await cachedEtcds();
  /** @param {string} series */
  const newest = (series) => cached.find((one) => one.series === series);
  const toFetch = wanted.filter((series) => !newest(series));
  const fetched = toFetch.length > 0 ? await fetchPackages(toFetch) : [];
  return [...wanted.flatMap((series) => newest(series) ?? []), ...fetched];
}

/** @returns {Promise<EtcdBinaries[]>} what earlier runs unpacked, newest first */
async function cachedEtcds() {
  const versions = existsSync(cache) ? readdirSync(cache).filter((name) => /^\d/.test(name)) : [];
  versions.sort((one, other) => compareVersions(other, one));
  return Promise.all(versions.map((version) => binariesIn(join(cache, version))));
}

/** @param {string} folder where a package was unpacked */
function binariesIn(folder) {
  return etcdBinaries(join(folder, "usr/bin/etcd"), join(folder, "usr/bin/etcdctl"));
}

/**
 * @param {readonly string[]} wanted series
 * @returns {Promise<EtcdBinaries[]>}
 */
async function fetchPackages(wanted) {
  if (!(await hasApt())) {
    throw new Error(`There is no etcd ${wanted.join(" or ")} on this machine.`);
  }
  console.warn(`Fetching etcd ${wanted.join(" and ")} from the packages of this system.`);

  mkdirSync(cache, { recursive: true });
  // A folder per process, so that two runs at once do not meet. Its package lists are large
  // and soon outdated, so they do not stay.
  const folder = mkdtempSync(join(cache, "apt-"));
  try {
    const apt = await privateApt(folder);
    const offered = await apt.etcdVersions();
    const found = [];
    for (const series of wanted) {
      found.push(await fetchNewest(series, offered, apt, folder));
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The newest package of a series that starts here: one that was built for a later release of
 * the system may need a newer C library.
 *
 * @param {string} series
 * @param {readonly string[]} offered versions of the packages
 * @param {PrivateApt} apt
 * @param {string} folder for temporary files
 */
async function fetchNewest(series, offered, apt, folder) {
  const candidates = offered
    .filter((version) => seriesOf(version) === series)
    .sort((one, other) => compareVersions(other, one));
  const failures = [];
  for (const version of candidates) {
    const unpacked = mkdtempSync(join(folder, "unpacked-"));
    try {
      await apt.unpack([`etcd-server=${version}`, `etcd-client=${version}`], unpacked);
      const { version: upstream } = await binariesIn(unpacked);
      const kept = join(cache, upstream);
      // Only what is complete and starts gets its final name.
      if (!existsSync(kept)) renameSync(unpacked, kept);
      return await binariesIn(kept);
    } catch (error) {
      failures.push(`${version}: ${messageOf(error)}`);
    }
  }
  throw new Error(
    [
      `No etcd ${series} could be had from the packages of this system.`,
      ...(failures.length > 0 ? failures : [`apt offers ${offered.join(", ") || "none at all"}.`]),
      ...(apt.complaints ? [`What apt-get update said:\n${apt.complaints}`] : []),
    ].join("\n"),
  );
}
