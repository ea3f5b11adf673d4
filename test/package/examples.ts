import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** A page of the documentation, by its path in the project. */
export function readPage(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The blocks of TypeScript in a text. */
export function blocksOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
}

/** What a block says that it prints: the comments behind each `console.log(…);`. */
export function promisedBy(block: string): string {
  const comments = [...block.matchAll(/\bconsole\.log\(.*\); \/\/ (.*)$/gm)];
  return comments.map(([, text]) => `${text}\n`).join("");
}

/**
 * Compiles programs, by their names, as a strict user of the packed package does: within a project
 * that has installed it. Resolves with their folder.
 *
 * @throws what the compiler says.
 */
export async function compile(
  name: string,
  programs: ReadonlyMap<string, string>,
): Promise<string> {
  const folder = join(inject("consumer"), name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const [program, code] of programs) writeFileSync(join(folder, `${program}.ts`), code);
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
  await run(process.execPath, [tsc, "--project", folder]).catch(({ stdout, stderr }) => {
    throw new Error(stdout || stderr);
  });
  return folder;
}

/** Runs one of them. It ends by itself, or it is ended and fails. */
export function runProgram(
  folder: string,
  program: string,
): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [join(folder, `${program}.js`)], { timeout: 20_000 });
}
