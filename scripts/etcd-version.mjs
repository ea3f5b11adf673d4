// Which etcd a binary is.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * @typedef {object} EtcdBinaries
 * @property {string} version such as "3.5.16"
 * @property {string} series such as "3.5"
 * @property {string} etcd path of the server
 * @property {string | undefined} etcdctl path of the command line client, if there is one
 */

/**
 * @param {string} etcd
 * @param {string | undefined} etcdctl
 * @returns {Promise<EtcdBinaries>}
 */
export async function etcdBinaries(etcd, etcdctl) {
  const { stdout } = await run(etcd, ["--version"]);
  const version = /etcd Version: (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (!version) throw new Error(`${etcd} --version says no version, but: ${stdout.trim()}`);
  return { version, series: seriesOf(version), etcd, etcdctl };
}

/** @param {string} version */
export function seriesOf(version) {
  return version.split(".").slice(0, 2).join(".");
}

/** @param {string} one @param {string} other */
export function compareVersions(one, other) {
  return one.localeCompare(other, "en", { numeric: true });
}
