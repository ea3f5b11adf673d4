import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { Guard } from "./guard.ts";

/** What the file holds. */
interface Contents {
  readonly count: number;
  /** The token of the last write, for people who look into the file. */
  readonly fence: string;
  readonly updates: readonly string[];
}

/**
 * The ledger as a plain file, and the guard in front of it.
 *
 * The guard is on the side of the file, not of the replicas: one that was stopped between
 * comparing the token and writing would be back where it began. Here both happen in one go.
 */
export class LedgerFile {
  readonly path: string;
  readonly #guard = new Guard();
  readonly #fenced: boolean;

  constructor(path: string, { fenced }: { fenced: boolean }) {
    this.path = path;
    this.#fenced = fenced;
    this.#store({ count: 0, fence: "0", updates: [] });
  }

  get updates(): readonly string[] {
    const { updates }: Contents = JSON.parse(readFileSync(this.path, "utf8"));
    return updates;
  }

  read(token: bigint): readonly string[] {
    this.#guard.see(token);
    return this.updates;
  }

  write(updates: readonly string[], token: bigint): boolean {
    if (this.#fenced && !this.#guard.admits(token)) return false;
    this.#guard.see(token);
    this.#store({ count: updates.length, fence: String(token), updates });
    return true;
  }

  #store(contents: Contents): void {
    // So that whoever looks into the file never sees half of it.
    const draft = `${this.path}.draft`;
    writeFileSync(draft, `${JSON.stringify(contents, null, 1)}\n`);
    renameSync(draft, this.path);
  }
}
