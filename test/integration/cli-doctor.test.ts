import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Authority } from "../support/certificates.ts";
import { CliProcess } from "../support/cli-process.ts";
import { describeOnEveryEtcd, type EtcdServer, startEtcd } from "../support/etcd-server.ts";

interface Report {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly check: string;
    readonly verdict: string;
    readonly text: string;
  }[];
}

async function doctor(endpoints: string, ...argv: readonly string[]) {
  const cli = new CliProcess(["doctor", "--endpoints", endpoints, "--json", ...argv], {});
  const code = await cli.ended;
  const report: Report | undefined = cli.stdout === "" ? undefined : JSON.parse(cli.stdout);
  const verdicts = (report?.checks ?? []).map(
    ({ check, verdict, text }) => `${verdict} ${check}: ${text}`,
  );
  return { code, verdicts, stderr: cli.stderr };
}

async function mustRun(server: EtcdServer, ...commands: readonly (readonly string[])[]) {
  for (const command of commands) {
    const { code, stderr } = await server.etcdctl(...command);
    if (code !== 0) throw new Error(stderr);
  }
}

describeOnEveryEtcd("microlock doctor", (version) => {
  let server: EtcdServer;

  beforeAll(async () => {
    // Passwords are hashed so that it takes long; here they need not be.
    server = await startEtcd({ version, args: ["--bcrypt-cost=4"] });
  });

  afterAll(() => server.stop());

  it("finds an etcd that works, and leaves nothing behind", async () => {
    const { code, verdicts, stderr } = await doctor(server.endpoint);

    expect(verdicts.filter((verdict) => verdict.startsWith("fail"))).toEqual([]);
    expect(verdicts).toContainEqual(expect.stringMatching(/^ok endpoint .* leads, term \d/));
    expect(verdicts).toContainEqual(expect.stringMatching(/^ok clock: etcd's and ours agree/));
    expect(verdicts).toContainEqual(expect.stringMatching(/^ok lease: .*shortest .* is 2 s/));
    expect(verdicts).toContainEqual(expect.stringMatching(/^ok hand-over/));
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect((await server.etcdctl("lease", "list")).stdout).toContain("found 0 leases");
    expect((await server.etcdctl("get", "--prefix", "")).stdout).toBe("");
  });

  it("tells of one endpoint that does not answer, and goes on with the other", async () => {
    const { code, verdicts } = await doctor(`127.0.0.1:1,${server.endpoint}`);

    expect(verdicts).toContain("fail endpoint 127.0.0.1:1: connection refused");
    expect(verdicts).toContainEqual(expect.stringMatching(/^ok hand-over/));
    expect(code).toBe(1);
  });

  it("says in one line that TLS is not spoken", async () => {
    const { code, verdicts, stderr } = await doctor(`https://${server.endpoint}`);

    expect(stderr).toMatch(/^microlock doctor: .*does not speak TLS.*\n$/);
    expect(verdicts).toEqual([]);
    expect(code).toBe(69);
  });

  describe("on an etcd with users", () => {
    beforeAll(() =>
      mustRun(
        server,
        ["user", "add", "root:secret"],
        ["user", "grant-role", "root", "root"],
        ["role", "add", "locks"],
        ["role", "grant-permission", "locks", "--prefix=true", "readwrite", "microlock/"],
        ["user", "add", "alice:pw"],
        ["user", "grant-role", "alice", "locks"],
        ["auth", "enable"],
      ),
    );

    it("finds that a role for the namespace is enough", async () => {
      const { code, verdicts } = await doctor(server.endpoint, "--user", "alice:pw");

      expect(verdicts).toContain('ok authentication: signed in as "alice"');
      expect(verdicts).toContainEqual(expect.stringMatching(/^ok rights/));
      expect(verdicts).toContainEqual(expect.stringMatching(/^ok hand-over/));
      expect(code).toBe(0);
    });

    it("warns of a user who may do more", async () => {
      const { code, verdicts } = await doctor(server.endpoint, "--user", "root:secret");

      expect(verdicts).toContainEqual(expect.stringMatching(/^warn rights: .*"root"/));
      expect(code).toBe(0);
    });

    it.each([
      [["--user", "alice:wrong"], /^fail authentication: .*--user and its password/],
      [[], /^fail rights: .*give --user/],
      [["--user", "alice:pw", "--namespace", "else/"], /^fail rights: .*permission denied/],
    ])("ends with 77 for %j", async (options, expected) => {
      const { code, verdicts, stderr } = await doctor(server.endpoint, ...options);

      expect(stderr).toBe("");
      expect(verdicts.at(-1)).toMatch(expected);
      expect(code).toBe(77);
    });
  });
});

describe("microlock doctor", () => {
  it("says in one line, at once, that nobody is there, and how to get an etcd", async () => {
    const startedAt = performance.now();
    const { code, stderr } = await doctor("127.0.0.1:1");

    expect(stderr).toMatch(/^microlock doctor: No etcd answers at .*microlock serve\n$/);
    expect(code).toBe(69);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("works over TLS, and tells of an authority that is not trusted", async () => {
    const authority = new Authority();
    const { certFile: cert, keyFile: key } = authority.issue("IP:127.0.0.1");
    const server = await startEtcd({ tls: { ca: authority.caFile, cert, key } });
    try {
      const trusted = await doctor(server.endpoint, "--cacert", authority.caFile);
      expect(trusted.verdicts).toContainEqual(expect.stringMatching(/^ok clock: etcd's and ours/));
      expect(trusted.code).toBe(0);
      const untrusted = await doctor(server.url);
      expect(untrusted.stderr).toMatch(/not trusted; is --cacert the right one/);
      expect(untrusted.code).toBe(77);
    } finally {
      await server.stop();
      authority.remove();
    }
  });

  it("tells of a quota that is used up", async () => {
    const server = await startEtcd({ args: ["--quota-backend-bytes=65536"] });
    try {
      const value = "x".repeat(40_000);
      for (let n = 0; n < 4; n++) await server.etcdctl("put", `k${n}`, value);
      const { code, verdicts } = await doctor(server.endpoint);
      expect(verdicts[0]).toMatch(/^fail endpoint .*space quota is used up/);
      expect(code).toBe(69);
    } finally {
      await server.stop();
    }
  });
});
