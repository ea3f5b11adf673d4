import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { bashCompletion } from "../../src/cli/completion/bash.ts";
import { fishCompletion } from "../../src/cli/completion/fish.ts";
import { zshCompletion } from "../../src/cli/completion/zsh.ts";

/** What bash offers for the last of some words. */
function offered(...words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${bashCompletion(commands)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _microlock 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  return said.split("\n").filter((word) => word !== "");
}

describe("the completion for bash", () => {
  it("offers commands, and what begins as the word does", () => {
    expect(offered("microlock", "")).toEqual(
      expect.arrayContaining(commands.map(({ name }) => name)),
    );
    expect(offered("microlock", "doc")).toEqual(["doctor"]);
  });

  it("offers the options of the command, and what may stand behind one", () => {
    expect(offered("microlock", "run", "--non")).toEqual(["--nonblock"]);
    expect(offered("microlock", "completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(offered("microlock", "doctor", "--cacert", "package.j")).toEqual(["package.json"]);
    expect(offered("microlock", "doctor", "--cacert", "=", "package.j")).toEqual(["package.json"]);
    expect(offered("microlock", "run", "-w", "")).toEqual([]);
  });

  it("offers the command to run behind --, or behind the name", () => {
    expect(offered("microlock", "run", "x", "--", "bas")).toContain("bash");
    expect(offered("microlock", "run", "-w", "5", "x", "bas")).toContain("bash");
    // As bash takes host:port apart.
    expect(offered("microlock", "run", "--endpoints", "h", ":", "1", "x", "bas")).toContain("bash");
    expect(offered("microlock", "lock", "x", "--", "bas")).toEqual([]);
  });
});

describe.each([
  ["zsh", zshCompletion],
  ["fish", fishCompletion],
])("the completion for %s", (_, completion) => {
  it("has all commands and options", () => {
    const script = completion(commands);

    for (const { name, options } of commands) {
      expect(script).toContain(name);
      for (const option of Object.keys(options)) expect(script).toContain(option);
    }
  });
});
