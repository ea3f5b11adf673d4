import { describe, expect, it } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { EmbeddedEtcd } from "../../src/etcd/embedded/embedded-etcd.ts";
import { FakeIo } from "../support/fake-io.ts";

describe.each(commands)("microlock $name --help", ({ name, usage }) => {
  it("says how to use it, whatever else is missing", async () => {
    const io = new FakeIo(new EmbeddedEtcd());

    expect(await io.run(name, "--help")).toBe(0);
    expect(io.stdout.text).toContain(`Usage: microlock ${usage[0]}`);
    expect(io.stderr.text).toBe("");
  });
});
