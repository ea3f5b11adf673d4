import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, inject, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
// Inside the project that installed the packed package, so that it is found as users find it.
const folder = join(inject("consumer"), "readme");

/** The section's blocks of TypeScript: what all begin with, then one for each example. */
function examplesOf(readme: string): readonly string[] {
  const section = /^## Ten examples$(.*?)^## /ms.exec(readme)?.[1] ?? "";
  return [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

describe("the examples of the README", () => {
  const [beginning, ...examples] = examplesOf(readFileSync(join(root, "README.md"), "utf8"));

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    for (const [index, example] of examples.entries()) {
      writeFileSync(join(folder, `example-${index + 1}.ts`), `${beginning}\n${example}`);
    }
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "esnext.disposable", "dom"],
      module: "nodenext",
      strict: true,
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    };
    const config = { compilerOptions, include: ["*.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [tsc, "--project", folder]).catch(({ stdout }) => {
      throw new Error(stdout);
    });
  });

  it("are ten", () => {
    expect(examples).toHaveLength(10);
  });

  it.each(examples.map((_, index) => index + 1))("run as they are: number %i", async (number) => {
    const program = join(folder, `example-${number}.js`);
    // It ends by itself, or it is ended here and fails.
    const { stderr } = await run(process.execPath, [program], { timeout: 20_000 });
    expect(stderr).toBe("");
  });
});
