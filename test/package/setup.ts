import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { findNodes, type NodeBinary } from "./nodes.ts";

const run = promisify(execFile);

declare module "vitest" {
  interface ProvidedContext {
    /** A folder with a project that has installed the packed package. */
    consumer: string;
    nodes: NodeBinary[];
  }
}

/** Packs the package as for a release, and installs it where nothing else of ours is in sight. */
export default async function setup(project: TestProject): Promise<() => void> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "microlock-package-"));
  const consumer = join(folder, "consumer");
  try {
    cpSync(new URL("./consumer", import.meta.url), consumer, { recursive: true });
    await run("npm", ["pack", "--silent", `--pack-destination=${folder}`], { cwd: root });
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
    const quietly = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
    await run("npm", ["install", "--silent", ...quietly, join(folder, tarball)], { cwd: consumer });

    project.provide("consumer", consumer);
    project.provide("nodes", await findNodes());
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return () => rmSync(folder, { recursive: true, force: true });
}
