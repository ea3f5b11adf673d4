// The machine's own apt, with sources that have etcd, and without a trace on the system.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "./message-of.mjs";

const run = promisify(execFile);

/**
 * Where to look for the tested series: every suite that has one of them, or may yet get a
 * newer one. Those that the mirror does not have, or no longer, are passed over.
 */
const archives = {
  debian: { suites: ["bookworm", "trixie", "forky", "sid"], component: "main" },
  ubuntu: { suites: ["noble", "questing", "resolute", "devel"], component: "universe" },
};

const aptTimeoutMs = 300_000;

/** Whether this machine has apt. */
export async function hasApt() {
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
export async function privateApt(folder) {
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
  throw new Error("The sources of apt on this machine name no archive of Debian or Ubuntu.");
}

function plainEnglish() {
  return { ...process.env, LC_ALL: "C" };
}
