import type { MemberStatus } from "../../etcd/grpc/member-status.ts";
import { sayMs } from "../duration.ts";
import { type Check, fail, ok, warn } from "./check.ts";
import { versionVerdict } from "./versions.ts";

/** What became of asking one endpoint. */
export interface Answer {
  readonly endpoint: string;
  readonly status?: MemberStatus | undefined;
  /** By how much its host's clock is ahead of ours, in milliseconds, as far as it says. */
  readonly aheadMs?: number | undefined;
  /** Why it does not tell us its status, though it is there. */
  readonly refusal?: string | undefined;
  /** Why there is no answer. */
  readonly failure?: string | undefined;
}

// Dates come in whole seconds.
const clockMsMax = 3_000;
const mebibyte = 1024 * 1024;
// Etcd's default quota; it tells nobody which one it has.
const quota = 2048 * mebibyte;

/** What there is to say of each endpoint, and of all of them together. */
export function judge(answers: readonly Answer[]): readonly Check[] {
  const statuses = answers.flatMap(({ status }) => (status ? [status] : []));
  return [...answers.map(judgeOne), ...versionsOf(statuses), ...clusterOf(statuses)];
}

function judgeOne({ endpoint, status, refusal, failure = "" }: Answer): Check {
  const name = `endpoint ${endpoint}`;
  if (refusal !== undefined) return ok(name, `it answers, but does not tell its state: ${refusal}`);
  if (!status) {
    return fail(name, failure, "mend it, or leave it out of --endpoints");
  }
  const { version, leader, isLearner, errors, header } = status;
  if (isLearner) {
    return fail(name, "it is a learner, and does not serve", "leave it out of --endpoints");
  }
  if (errors.some((text) => text.includes("NOSPACE"))) {
    const what = `its space quota is used up (${sizeOf(status)}): held locks go on, new ones are refused`;
    const todo =
      "etcdctl compact, etcdctl defrag, then etcdctl alarm disarm; see to it that something compacts, or raise --quota-backend-bytes";
    return fail(name, what, todo);
  }
  if (errors.some((text) => text.includes("CORRUPT"))) {
    const todo = "etcdctl alarm list names the member: replace it";
    return fail(name, "its data differs from that of its peers", todo);
  }
  if (leader === 0n) return fail(name, "it has no leader", "are enough of its peers there?");
  if (errors.length > 0) return warn(name, errors.join("; "), "see etcdctl endpoint status");
  const role = leader === header.memberId ? "leads" : "follows";
  const text = `etcd ${version} ${role}, term ${header.raftTerm}, database ${sizeOf(status)}`;
  if (Number(status.dbSize) > 0.8 * quota) {
    const todo =
      "etcd's default quota is 2 GiB, after which it refuses locks: etcdctl defrag, or a larger --quota-backend-bytes, if it has not got one already";
    return warn(name, text, todo);
  }
  const isSparse = status.dbSize > 100 * mebibyte && status.dbSizeInUse * 3n < status.dbSize;
  return isSparse
    ? warn(name, text, "etcdctl defrag gives back what is not in use")
    : ok(name, text);
}

function versionsOf(statuses: readonly MemberStatus[]): Check[] {
  const versions = [...new Set(statuses.map(({ version }) => version))];
  const checks = versions.flatMap((version): Check[] => {
    const { grave, known, update } = versionVerdict(version);
    if (grave) return [fail("version", grave, "update etcd")];
    if (version.endsWith("+microlock")) {
      const text = "it is microlock serve: one process, without a disk or replicas";
      return [warn("version", text, "for development and tests; in production use etcd")];
    }
    if (known.length === 0) return [];
    const text = `etcd ${version} ${known.join("; it ")}`;
    return [warn("version", text, `microlock copes; update to ${update} or newer all the same`)];
  });
  const mixed = `members run ${versions.join(" and ")}`;
  const todo = "fine during an update, not for long";
  return versions.length > 1 ? [...checks, warn("version", mixed, todo)] : checks;
}

function clusterOf(statuses: readonly MemberStatus[]): Check[] {
  const of = (pick: (status: MemberStatus) => bigint) => new Set(statuses.map(pick)).size;
  if (of(({ header }) => header.clusterId) > 1) {
    const todo = "name only members of one cluster: locks in different ones exclude nobody";
    return [fail("cluster", "the endpoints belong to different clusters", todo)];
  }
  if (statuses.length < 2) return [];
  if (of(({ header }) => header.memberId) < statuses.length) {
    const text = "some endpoints are the same member";
    return [warn("cluster", text, "name each once, or all of them are gone together")];
  }
  const leaders = of(({ leader }) => leader);
  if (leaders > 1 || of(({ header }) => header.raftTerm) > 1) {
    const text = "members do not agree on who leads";
    return [warn("cluster", text, "an election may be under way: look again")];
  }
  return [ok("cluster", `${statuses.length} members of one cluster agree on who leads`)];
}

/** What there is to say of clocks: they decide nothing, but people read them. */
export function judgeClocks(answers: readonly Answer[]): readonly Check[] {
  const off = answers.filter(({ aheadMs = 0 }) => Math.abs(aheadMs) > clockMsMax);
  const nothing = "no lock depends on it, since leases are counted by monotonic clocks";
  if (off.length > 0) {
    const said = off.map(({ endpoint, aheadMs = 0 }) => {
      return `${endpoint} is ${sayMs(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead" : "behind"}`;
    });
    const todo = `${nothing}; but certificates, tokens and the times that people read do`;
    return [warn("clock", `${said.join(", ")}, as seen from here`, todo)];
  }
  const isKnown = answers.some(({ aheadMs }) => aheadMs !== undefined);
  const what = isKnown ? "etcd's and ours agree to a second or two" : "etcd does not tell its own";
  return [ok("clock", `${what}; ${nothing}`)];
}

/** What there is to say of users, once signing in has not failed. */
export function judgeUser(username: string | undefined, hasUsers: boolean | undefined): Check {
  if (username === undefined) return ok("authentication", "no user was given");
  const user = JSON.stringify(username);
  if (hasUsers) return ok("authentication", `signed in as ${user}`);
  const todo =
    "whoever reaches etcd may take and break locks: etcdctl auth enable, if that is not meant";
  return warn("authentication", `etcd has no users, and does not ask who ${user} is`, todo);
}

function sizeOf({ dbSize, dbSizeInUse }: MemberStatus): string {
  return `${sayBytes(Number(dbSize))} (${sayBytes(Number(dbSizeInUse))} in use)`;
}

function sayBytes(bytes: number): string {
  if (bytes >= 1024 * mebibyte) return `${(bytes / mebibyte / 1024).toFixed(1)} GiB`;
  if (bytes >= mebibyte) return `${(bytes / mebibyte).toFixed(1)} MiB`;
  return `${Math.round(bytes / 1024)} KiB`;
}
