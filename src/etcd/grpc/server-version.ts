import type { ProtobufReader } from "../wire/protobuf-reader.ts";

/** Decodes the answer to a status request: the server's version. */
export function decodeServerVersion(reader: ProtobufReader): string {
  let version = "";
  while (reader.next()) {
    if (reader.field === 2) version = reader.string();
    else reader.skip();
  }
  return version;
}

/** What is known to be bad about a version of etcd; undefined if nothing is. */
export function versionWarning(version: string): string | undefined {
  if (!/^\d+\.\d+\.\d+/.test(version)) return undefined;
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  if (major < 3 || (major === 3 && minor < 4)) {
    return `etcd ${version} is too old: microlock needs 3.4 or newer`;
  }
  if (major === 3 && minor === 5 && patch <= 2) {
    return `etcd ${version} can lose data and disagree with its peers (etcd issue 13766): update to 3.5.3 or newer`;
  }
  return undefined;
}

const warned = new Set<string>();

/** Warns of a version that is known to be bad, once in a process. */
export function warnOfVersion(version: string): void {
  const warning = versionWarning(version);
  if (!warning || warned.has(version)) return;
  warned.add(version);
  process.emitWarning(warning, { type: "MicrolockWarning", code: "MICROLOCK_ETCD_VERSION" });
}
