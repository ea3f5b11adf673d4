import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const folder = new URL(".cache/fencing/", root);

/** All blocks of one language in a section of docs/fencing.md, one after the other. */
export function codeOf(section: string, language: "sql" | "ts"): string {
  const page = readFileSync(new URL("docs/fencing.md", root), "utf8");
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  const blocks = [...(text ?? "").matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const code = blocks.filter(([, kind]) => kind === language).map(([, , block]) => block);
  if (code.length === 0) throw new Error(`docs/fencing.md has no ${language} in "${section}"`);
  return code.join("\n");
}

/** The TypeScript of a section as a module: what it exports, as users who copy it have it. */
export async function importSection<Exports>(section: string): Promise<Exports> {
  const code = codeOf(section, "ts");
  const file = new URL(`${section.toLowerCase().replaceAll(" ", "-")}.ts`, folder);
  mkdirSync(folder, { recursive: true });
  // Written only when it is another: a watching test runner would start again and again.
  if (!existsSync(file) || readFileSync(file, "utf8") !== code) writeFileSync(file, code);
  return import(fileURLToPath(file));
}
