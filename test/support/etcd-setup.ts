import type { TestProject } from "vitest/node";
import { findEveryEtcd } from "../../scripts/etcd-binaries.mjs";
import type { EtcdBinaries } from "../../scripts/etcd-version.mjs";

declare module "vitest" {
  interface ProvidedContext {
    etcds: EtcdBinaries[];
  }
}

/** Finds the etcds that this run is for, once for all test files. Without any the run fails. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide("etcds", await findEveryEtcd());
}
