import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";

// Plans that failed once. One of them did not end, so each has a process of its own.
const folder = "test/simulation/regressions";

it.each(readdirSync(folder))("%s fails no more", { timeout: 60_000 }, async (file) => {
  const args = ["scripts/simulate.mjs", "--plan", `${folder}/${file}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });

  expect(stdout).toContain("keeps every promise");
});
