import { versionWarning } from "../../etcd/grpc/server-version.ts";

interface Fault {
  /** By series, the first release without it; a series that is not here never had it. */
  readonly fixedIn: Readonly<Record<string, number>>;
  readonly text: string;
}

// From etcd's change logs.
const faults: readonly Fault[] = [
  {
    fixedIn: { "3.4": 42, "3.5": 28 },
    text: "lets everybody end leases, whatever rights there are (CVE-2026-33413)",
  },
  {
    fixedIn: { "3.4": 42, "3.5": 28, "3.6": 9 },
    text: "may answer reads from an older state after a pause (etcd issue 20418)",
  },
  {
    fixedIn: { "3.4": 31, "3.5": 13 },
    text: "may lose events of watches (etcd issue 17529)",
  },
];

/** What is known to be wrong with a version. */
export interface VersionVerdict {
  /** What it may not be used with. */
  readonly grave?: string | undefined;
  /** What locks survive, and others may not. */
  readonly known: readonly string[];
  /** Which release of its series to go to. */
  readonly update?: string | undefined;
}

export function versionVerdict(version: string): VersionVerdict {
  const [, series = "", patch = ""] = /^(\d+\.\d+)\.(\d+)/.exec(version) ?? [];
  const found = faults.filter(({ fixedIn }) => Number(patch) < (fixedIn[series] ?? 0));
  const fixed = Math.max(0, ...found.map(({ fixedIn }) => fixedIn[series] ?? 0));
  return {
    grave: versionWarning(version),
    known: found.map(({ text }) => text),
    update: found.length > 0 ? `${series}.${fixed}` : undefined,
  };
}
