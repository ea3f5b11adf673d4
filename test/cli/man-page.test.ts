import { describe, expect, it } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { exitStatus } from "../../src/cli/man/facts.ts";
import { manPage } from "../../src/cli/man/page.ts";
import { roff } from "../../src/cli/man/roff.ts";

describe("roff", () => {
  it("escapes what roff would take for its own", () => {
    expect(roff(".x 'a' \\n --b…")).toBe("\\&.x \\(aqa\\(aq \\en \\-\\-b\\[u2026]");
  });
});

describe("manPage", () => {
  const page = manPage(commands, "1.2.3");

  it("has all commands, options and examples", () => {
    for (const { usage, options, examples } of commands) {
      for (const way of usage) expect(page).toContain(roff(way));
      for (const option of Object.keys(options)) expect(page).toContain(roff(`--${option}`));
      for (const [command] of examples) expect(page).toContain(roff(command));
    }
  });

  it("is nothing but ASCII, with the macros that man knows", () => {
    const macros = [...page.matchAll(/^\.([A-Za-z]*)/gm)].map(([, macro]) => macro);

    expect(page).toMatch(/^[\n -~]*$/);
    expect(new Set(macros)).toEqual(
      new Set(["TH", "SH", "SS", "PP", "TP", "B", "BR", "nf", "RS", "RE", "fi"]),
    );
  });

  it("says every exit code", () => {
    const said = exitStatus.map(([code]) => code);
    expect(said).toEqual(expect.arrayContaining(Object.values(exitCodes).map(String)));
  });
});
