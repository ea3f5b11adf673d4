import { readFileSync } from "node:fs";

/** The version of the package. */
export function version(): string {
  // It lies equally far from the sources and from what is built of them.
  const manifest = new URL("../../package.json", import.meta.url);
  return String(JSON.parse(readFileSync(manifest, "utf8")).version);
}
