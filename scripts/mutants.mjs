// Shows that the simulator bites: each mutant of the core must be caught within a thousand seeds.
// `npm run mutants`; with a part of its name, one of them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { mutants } from "../test/simulation/mutants.mjs";

/** @import { Mutant } from "../test/simulation/mutants.mjs" */

const seedsMax = 1_000;
const core = fileURLToPath(new URL("../src/core/", import.meta.url));
const wanted = mutants.filter(({ name }) => name.includes(process.argv[2] ?? ""));
const queue = [...wanted.entries()];
let missed = 0;

await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(`${wanted.length - missed} passed, ${missed} failed`);
process.exitCode = missed > 0 ? 1 : 0;

async function work() {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [index, mutant] = next;
    const folder = `.cache/mutants/${index}`;
    await build(mutant, folder);
    const script = join(folder, "simulate.mjs");
    const args = [script, `--seeds=${seedsMax}`, "--failures=1", "--workers=1", "--no-shrink"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    const [code] = await once(child, "close");
    const seed = /--seed (\d+)/.exec(output)?.[1];
    const isCaught = code === 1 && seed !== undefined;
    if (!isCaught) missed += 1;
    console.log(isCaught ? `seed ${seed.padEnd(4)} ${mutant.name}` : `MISSED    ${mutant.name}`);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Bundles the simulator with a mutant of the core.
 *
 * @param {Mutant} mutant
 * @param {string} dir
 */
async function build({ name, file, find, replace }, dir) {
  const path = core + file;
  const count = readFileSync(path, "utf8").split(find).length - 1;
  if (count !== 1) throw new Error(`"${name}" finds its line ${count} times in ${file}`);
  const mutate = {
    name: "mutate",
    /** @type {(code: string, id: string) => string | undefined} */
    transform: (code, id) => (id === path ? code.replace(find, () => replace) : undefined),
  };
  const bundle = await rolldown({
    input: "test/simulation/simulate.ts",
    platform: "node",
    logLevel: "silent",
    plugins: [mutate],
  });
  await bundle.write({
    dir,
    format: "esm",
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name].mjs",
  });
  await bundle.close();
}
