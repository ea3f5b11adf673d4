// Makes dist/man/microlock.1, the manual page, of the table of commands in src/cli/.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rolldown } from "rolldown";

const folder = ".cache/man";
const bundle = await rolldown({ input: { page: "src/cli/man/main.ts" }, platform: "node" });
await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].mjs" });
await bundle.close();

/** @type {{ page: (version: string) => string }} */
const { page } = await import(`../${folder}/page.mjs`);
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
mkdirSync("dist/man", { recursive: true });
writeFileSync("dist/man/microlock.1", page(version));
rmSync(folder, { recursive: true });
