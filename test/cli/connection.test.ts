import { beforeEach, describe, expect, it } from "vitest";
import { type Args, parse } from "../../src/cli/args.ts";
import { settingsOf } from "../../src/cli/connection.ts";
import { doctorSpec } from "../../src/cli/specs/doctor.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { FakeIo } from "../support/fake-io.ts";

const argsOf = (...argv: readonly string[]): Args => parse(doctorSpec, argv);

describe("settingsOf", () => {
  it("takes etcdctl's timeouts, as Go writes them", () => {
    const env = { ETCDCTL_DIAL_TIMEOUT: "1m30s", ETCDCTL_COMMAND_TIMEOUT: "500ms" };

    expect(settingsOf(argsOf(), env)).toMatchObject({
      connectTimeoutMs: 90_000,
      callTimeoutMs: 500,
    });
  });

  it("lets options come before variables", () => {
    const env = {
      ETCDCTL_ENDPOINTS: "a:1",
      ETCDCTL_DIAL_TIMEOUT: "9s",
      MICROLOCK_NAMESPACE: "env/",
    };
    const args = argsOf("--endpoints", "b:2", "--dial-timeout", "1", "--namespace", "");

    expect(settingsOf(args, env)).toMatchObject({
      env: { ETCDCTL_ENDPOINTS: "b:2" },
      connectTimeoutMs: 1_000,
      namespace: "",
    });
  });

  it("names the variable that it cannot read", () => {
    const env = { ETCDCTL_DIAL_TIMEOUT: "soon" };
    expect(() => settingsOf(argsOf(), env)).toThrow(/^ETCDCTL_DIAL_TIMEOUT must be a duration/);
  });
});

describe("options of etcdctl that there are not", () => {
  let io: FakeIo;

  beforeEach(() => {
    io = new FakeIo(new EmbeddedEtcd());
  });

  it.each([
    ["--insecure-skip-tls-verify", "--cacert"],
    ["--insecure-transport=false", "https://"],
  ])("says for %s to use %s", async (option, instead) => {
    expect(await io.run("lock", "x", option)).toBe(64);
    expect(io.stderr.text).toContain(instead);
  });
});
