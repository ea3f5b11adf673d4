// Finds etcd and etcdctl for the tests and the demo, in this order: ETCD_BIN, the PATH,
// Debian's or Ubuntu's packages. Those are downloaded by the machine's own apt, with
// signatures checked, and unpacked into .cache/etcd/<version>/. Nothing is installed and
// no root is needed.
//
// `node scripts/etcd-binaries.mjs [series...]` prints what it found.

import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * @typedef {object} EtcdBinaries
 * @property {string} version such as "3.5.16"
 * @property {string} series such as "3.5"
 * @property {string} etcd path of the server
 * @property {string | undefined} etcdctl path of the command line client, if there is one
 */

/** The series that the tests run on, oldest first. */
const testedSeries = ["3.4", "3.5"];

/**
 * Where to look for the tested series: every suite that has one of them, or may yet get a
 * newer one. Those that the mirror does not have, or no longer, are passed over.
 */
const archives = {
  debian: { suites: ["bookworm", "trixie", "forky", "sid"], component: "main" },
  ubuntu: { suites: ["noble", "questing", "resolute", "devel"], component: "universe" },
};

const cache = fileURLToPath(new URL("../.cache/etcd/", import.meta.url));

const aptTimeoutMs = 300_000;

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
    found.push(...(await packagedEtcds(missing)));
  }
  return found.sort((one, other) => compareVersions(one.version, other.version));
}

/**
 * One etcd, for those who do not mind which: the machine's own, else the newest tested.
 *
 * @returns {Promise<EtcdBinaries>}
 */
export async function findEtcd() {
  const own = await ownEtcd();
  if (own) return own;
  const [packaged] = await packagedEtcds(testedSeries.slice(-1));
  return /** @type {EtcdBinaries} */ (packaged);
}

/** @returns {Promise<EtcdBinaries | undefined>} what ETCD_BIN or the PATH gives */
async function ownEtcd() {
  const given = process.env["ETCD_BIN"];
  if (given) {
    const etcd = resolve(given);
    const beside = join(dirname(etcd), "etcdctl");
    try {
      return await binaries(etcd, existsSync(beside) ? beside : onPath("etcdctl"));
    } catch (error) {
      throw new Error(`ETCD_BIN is ${given}, which does not start: ${messageOf(error)}`);
    }
  }

  const etcd = onPath("etcd");
  if (!etcd) return undefined;
  const own = await binaries(etcd, onPath("etcdctl"));
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

/**
 * @param {string} etcd
 * @param {string | undefined} etcdctl
 * @returns {Promise<EtcdBinaries>}
 */
async function binaries(etcd, etcdctl) {
  const { stdout } = await run(etcd, ["--version"]);
  const version = /etcd Version: (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (!version) throw new Error(`${etcd} --version says no version, but: ${stdout.trim()}`);
  return { version, series: seriesOf(version), etcd, etcdctl };
}

/**
 * @param {readonly string[]} wanted series
 * @returns {Promise<EtcdBinaries[]>} the newest of each
 */
async function packagedEtcds(wanted) {
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
  return binaries(join(folder, "usr/bin/etcd"), join(folder, "usr/bin/etcdctl"));
}

/**
 * @param {readonly string[]} wanted series
 * @returns {Promise<EtcdBinaries[]>}
 */
async function fetchPackages(wanted) {
  if (!(await hasApt())) {
    throw new Error(`There is no etcd ${wanted.join(" or ")} on this machine. ${threeWays}`);
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
      threeWays,
    ].join("\n"),
  );
}

async function hasApt() {
  return run("apt-get", ["--version"]).then(
    () => true,
    () => false,
  );
}

/**
 * @typedef {object} PrivateApt
 * @property {string} complaints what `apt-get update` had to say
 * @property {() => Promise<string[]>} etcdVersions the versions of etcd that are offered
 * @property {(packages: string[], folder: string) => Promise<void>} unpack
 */

/**
 * The machine's apt, with its mirror, proxy and keys, but with sources and lists in a folder
 * of our own.
 *
 * @param {string} folder
 * @returns {Promise<PrivateApt>}
 */
async function privateApt(folder) {
  const configFile = join(folder, "apt.conf");
  for (const name of ["lists/partial", "cache/archives/partial", "debs"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, "sources.list"), (await sources()).join("\n"));
  writeFileSync(
    configFile,
    [
      `Dir::Etc::sourcelist "${join(folder, "sources.list")}";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::Etc::preferences "/dev/null";',
      'Dir::Etc::preferencesparts "/dev/null";',
      `Dir::State::lists "${join(folder, "lists")}";`,
      'Dir::State::status "/dev/null";',
      `Dir::Cache "${join(folder, "cache")}";`,
      'Acquire::Languages "none";',
      'Acquire::Retries "2";',
      // Else apt, run by root, gives up its rights and cannot read this folder.
      'APT::Sandbox::User "root";',
      // What the system does after an update of its own lists is not for ours.
      "#clear APT::Update::Pre-Invoke;",
      "#clear APT::Update::Post-Invoke;",
      "#clear APT::Update::Post-Invoke-Success;",
    ].join("\n"),
  );
  /** @param {string} command @param {string[]} args */
  const apt = (command, args, cwd = folder) =>
    run(command, ["-c", configFile, "-q", ...args], {
      cwd,
      env: plainEnglish(),
      timeout: aptTimeoutMs,
    });

  // It fails when a single suite is not there; what counts is what can then be found.
  const complaints = await apt("apt-get", ["update"]).then(
    ({ stderr }) => stderr.trim(),
    (error) => messageOf(error),
  );
  return {
    complaints,
    async etcdVersions() {
      const { stdout } = await apt("apt-cache", ["madison", "etcd-server"]);
      const versions = [...stdout.matchAll(/^ *etcd-server \| *(\S+) /gm)].map((match) => match[1]);
      return /** @type {string[]} */ ([...new Set(versions)]);
    },
    async unpack(packages, target) {
      const debs = mkdtempSync(join(folder, "debs/"));
      await apt("apt-get", ["download", ...packages], debs);
      for (const deb of readdirSync(debs)) {
        await run("dpkg-deb", ["--extract", join(debs, deb), target]);
      }
    },
  };
}

/**
 * The machine's own entries for its distribution, with the suites we need in place of its
 * own. All suites are signed with the keys of the releases before them as well, so the keys
 * that the machine has do.
 *
 * @returns {Promise<string[]>} lines of a sources.list
 */
async function sources() {
  // Apt reads its own files best: there are two formats of them, in many places.
  const { stdout } = await run(
    "apt-get",
    ["indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"],
    { env: plainEnglish() },
  );
  const uris = stdout.split("\n").flatMap((line) => line.match(/^(\S+) main$/)?.[1] ?? []);
  const lines = [...new Set(uris)].flatMap((uri) => {
    // The distribution's own archive, whatever the mirror. Should somebody else's look the
    // same, it is not signed with the keys of the distribution, so apt will not take it.
    const name = /\/(debian|ubuntu)(-ports|\.list|\.sources)?\/?$/.exec(uri)?.[1];
    if (!name) return [];
    const archive = archives[/** @type {keyof typeof archives} */ (name)];
    const keyring = ["pgp", "gpg"]
      .map((ending) => `/usr/share/keyrings/${name}-archive-keyring.${ending}`)
      .find((file) => existsSync(file));
    const options = keyring ? `[signed-by=${keyring}] ` : "";
    return archive.suites.map((suite) => `deb ${options}${uri} ${suite} ${archive.component}`);
  });
  if (lines.length > 0) return lines;
  throw new Error(
    `The sources of apt on this machine name no archive of Debian or Ubuntu. ${threeWays}`,
  );
}

function plainEnglish() {
  return { ...process.env, LC_ALL: "C" };
}

/** @param {string} version */
function seriesOf(version) {
  return version.split(".").slice(0, 2).join(".");
}

/** @param {string} one @param {string} other */
function compareVersions(one, other) {
  return one.localeCompare(other, "en", { numeric: true });
}

/** @param {unknown} error */
function messageOf(error) {
  const { stderr, message } = /** @type {{ stderr?: string, message: string }} */ (error);
  return stderr?.trim() || message;
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
