import { commands } from "../commands.ts";
import { manPage } from "./page.ts";

/** The manual page of all commands, for scripts/man-page.mjs. */
export function page(version: string): string {
  return manPage(commands, version);
}
