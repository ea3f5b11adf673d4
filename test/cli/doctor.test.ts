import { describe, expect, it } from "vitest";
import { type Check, exitCodeOfChecks, fail, ok, warn } from "../../src/cli/doctor/check.ts";
import { checkLocks } from "../../src/cli/doctor/lock-checks.ts";
import { judge, judgeClocks, judgeUser } from "../../src/cli/doctor/members.ts";
import { checkStore, judgeLatency } from "../../src/cli/doctor/store-checks.ts";
import { versionVerdict } from "../../src/cli/doctor/versions.ts";
import { connect } from "../../src/connect.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import type { MemberStatus } from "../../src/etcd/grpc/member-status.ts";
import { keysIn } from "../support/store-keys.ts";

const healthy: MemberStatus = {
  header: { clusterId: 7n, memberId: 1n, revision: 9n, raftTerm: 3n },
  version: "3.6.12",
  dbSize: 40_960n,
  dbSizeInUse: 20_480n,
  leader: 1n,
  isLearner: false,
  errors: [],
};
const peer = { ...healthy, header: { ...healthy.header, memberId: 2n } };

const seen = (...statuses: readonly Partial<MemberStatus>[]): readonly Check[] =>
  judge(
    statuses.map((status, n) => ({ endpoint: `e${n}:2379`, status: { ...healthy, ...status } })),
  );

const troubles = (checks: readonly Check[]): readonly string[] =>
  checks.flatMap(({ verdict, check, text }) =>
    verdict === "ok" ? [] : [`${verdict} ${check}: ${text}`],
  );

describe("judge", () => {
  it("finds nothing wrong with members that agree", () => {
    expect(troubles(seen({}, peer))).toEqual([]);
  });

  it.each<[string, Partial<MemberStatus>, RegExp]>([
    ["a learner", { isLearner: true }, /^fail endpoint e0:2379: .*learner/],
    ["a full database", { errors: ["memberID:1 alarm:NOSPACE "] }, /^fail .*space quota/],
    ["damaged data", { errors: ["memberID:1 alarm:CORRUPT "] }, /^fail .*differs/],
    ["no leader", { leader: 0n, errors: ["etcdserver: no leader"] }, /^fail .*no leader/],
    ["a database that is almost full", { dbSize: 2_000_000_000n }, /^warn endpoint/],
    ["a version that loses data", { version: "3.5.1" }, /^fail version: .*3\.5\.1/],
    ["what is no etcd for production", { version: "3.5.30+microlock" }, /^warn .*microlock serve/],
    ["a version with known faults", { version: "3.5.16" }, /^warn version: .*CVE/],
  ])("tells of %s", (_, status, expected) => {
    expect(troubles(seen(status))).toEqual([expect.stringMatching(expected)]);
  });

  it("tells of endpoints of different clusters, of the same member, and of disagreement", () => {
    const stranger = { header: { ...peer.header, clusterId: 8n } };
    expect(troubles(seen({}, stranger))).toEqual([
      expect.stringMatching(/^fail cluster: .*different/),
    ]);
    expect(troubles(seen({}, {}))).toEqual([expect.stringMatching(/^warn cluster: .*same member/)]);
    const other = { ...peer, leader: 2n };
    expect(troubles(seen({}, other))).toEqual([expect.stringMatching(/^warn cluster: .*agree/)]);
  });

  it("says of an endpoint that does not answer why not", () => {
    const checks = judge([{ endpoint: "a:1", failure: "connection refused" }]);
    expect(troubles(checks)).toEqual(["fail endpoint a:1: connection refused"]);
  });
});

describe("judgeClocks", () => {
  it("warns of one that is off by more than its dates can tell", () => {
    expect(troubles(judgeClocks([{ endpoint: "a:1", aheadMs: 1_900 }]))).toEqual([]);
    expect(troubles(judgeClocks([{ endpoint: "a:1", aheadMs: -300_000 }]))).toEqual([
      "warn clock: a:1 is 5m behind, as seen from here",
    ]);
  });
});

describe("judgeUser", () => {
  it("warns of a user whom nobody asks for", () => {
    expect(judgeUser("ci", true).verdict).toBe("ok");
    expect(judgeUser("ci", false).verdict).toBe("warn");
  });
});

describe("judgeLatency", () => {
  it("warns when writes take a large part of the TTL, or are slow at all", () => {
    expect(judgeLatency(1, 20, 15_000).verdict).toBe("ok");
    expect(judgeLatency(1, 400, 2_000)).toMatchObject({
      verdict: "warn",
      advice: expect.stringContaining("--ttl"),
    });
    expect(judgeLatency(150, 300, 15_000)).toMatchObject({
      verdict: "warn",
      advice: expect.stringContaining("disk"),
    });
  });
});

describe("versionVerdict", () => {
  it("knows in which release of its series a fault was mended", () => {
    expect(versionVerdict("3.4.42").known).toEqual([]);
    expect(versionVerdict("3.4.41")).toMatchObject({ update: "3.4.42" });
    expect(versionVerdict("3.5.27").known).toHaveLength(2);
    expect(versionVerdict("3.7.0").known).toEqual([]);
  });
});

describe("exitCodeOfChecks", () => {
  it("is 0 with warnings, 1 with a failure, and what ends all where nothing can work", () => {
    expect(exitCodeOfChecks([ok("a", ""), warn("b", "", "")])).toBe(0);
    expect(exitCodeOfChecks([fail("a", ""), ok("b", "")])).toBe(1);
    expect(exitCodeOfChecks([fail("a", ""), fail("b", "", "", 77)])).toBe(77);
  });
});

describe("checkStore and checkLocks", () => {
  it("find nothing wrong with an etcd that works, and leave nothing behind", async () => {
    const etcd = new EmbeddedEtcd();
    const { signal } = new AbortController();
    const open = () => connect({ store: etcd });
    const checks: Check[] = [];
    const locks = await open();

    const visit = { etcd, namespace: "microlock/", ttlMs: 15_000, username: undefined, signal };
    for await (const check of checkStore(visit)) checks.push(check);
    for await (const check of checkLocks(locks, open, signal)) checks.push(check);
    await locks.close();

    expect(checks.map(({ check }) => check)).toEqual([
      "rights",
      "latency",
      "lease",
      "watch",
      "lock",
      "hand-over",
    ]);
    expect(troubles(checks)).toEqual([]);
    expect(await keysIn(etcd)).toEqual([]);
  });

  it("leave nothing behind when they are cut short", async () => {
    const etcd = new EmbeddedEtcd();
    const { signal } = new AbortController();
    const visit = { etcd, namespace: "microlock/", ttlMs: 15_000, username: undefined, signal };

    for await (const _ of checkStore(visit)) break;

    expect(await keysIn(etcd)).toEqual([]);
  });
});
