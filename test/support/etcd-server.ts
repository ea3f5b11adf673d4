import { describe, inject } from "vitest";
import {
  type EtcdCluster,
  type EtcdOptions,
  type EtcdServer,
  startServer,
  startServers,
} from "../../scripts/etcd-server.mjs";
import type { EtcdBinaries } from "../../scripts/etcd-version.mjs";

export type { EtcdCluster, EtcdServer };

/** Which etcd to start, and how. */
export interface StartOptions extends EtcdOptions {
  /** A series such as "3.4", or "3.5.16". The newest of this run when left out. */
  readonly version?: string | undefined;
}

/** The series that this run is for, oldest first: "3.4" and "3.5", or what ETCD_VERSION says. */
export function etcdVersions(): string[] {
  return inject("etcds").map((binaries) => binaries.series);
}

/** Describes the same for every etcd that this run is for. Pass `version` on to `startEtcd`. */
export function describeOnEveryEtcd(name: string, body: (version: string) => void): void {
  describe.each(etcdVersions())(`${name} on etcd %s`, body);
}

/** Starts a server of its own for a test file. Whoever starts it calls `stop`. */
export function startEtcd({ version, ...options }: StartOptions = {}): Promise<EtcdServer> {
  return startServer(binariesOf(version), options);
}

/** Starts a cluster of so many members. Whoever starts it calls `stop`. */
export function startCluster(
  size: number,
  { version, ...options }: StartOptions = {},
): Promise<EtcdCluster> {
  return startServers(binariesOf(version), size, options);
}

/** The etcd of a series, or of a version; the newest of this run when left out. */
export function binariesOf(version: string | undefined): EtcdBinaries {
  const etcds = inject("etcds");
  const found = version
    ? etcds.find((one) => one.series === version || one.version === version)
    : etcds.at(-1);
  if (!found) throw new Error(`This run has no etcd ${version}, but ${etcdVersions().join(", ")}`);
  return found;
}
