import type { KeyValue } from "../api.ts";

/** What happened to one key. */
export interface Change {
  readonly type: "put" | "delete";
  readonly key: string;
  /** Its state after the change; of a deleted key only name and revision. */
  readonly kv: KeyValue;
  /** Its state before the change, if it existed. */
  readonly prev: KeyValue | undefined;
}

/** All that happened at one revision. */
export interface Commit {
  readonly revision: bigint;
  readonly changes: readonly Change[];
}

/**
 * The latest commits, one per revision without a gap, up to a limit. What lies before is
 * compacted: nobody can read or watch it any more.
 */
export class History {
  readonly #limit: number;
  #commits: Commit[] = [];
  // How many at the front are forgotten already. They are cut off together, now and then.
  #forgotten = 0;
  #compactRevision = -1n;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The oldest revision that can be read and watched; -1 as long as all of them can. */
  get compactRevision(): bigint {
    return this.#compactRevision;
  }

  append(commit: Commit): void {
    this.#commits.push(commit);
    if (this.#commits.length - this.#forgotten <= this.#limit) return;
    this.#forget(this.#forgotten + 1);
    this.#compactRevision = this.#commits[this.#forgotten]?.revision ?? commit.revision;
  }

  /** The commits from a revision on, oldest first. */
  from(revision: bigint): readonly Commit[] {
    return this.#commits.slice(this.#placeOf(revision));
  }

  /** Forgets the commits before a revision. */
  compact(revision: bigint): void {
    this.#forget(this.#placeOf(revision));
    this.#compactRevision = revision;
  }

  #forget(count: number): void {
    this.#forgotten = count;
    if (count > 1024 && count > this.#commits.length / 2) {
      this.#commits = this.#commits.slice(count);
      this.#forgotten = 0;
    }
  }

  #placeOf(revision: bigint): number {
    const first = this.#commits[this.#forgotten];
    if (!first || revision <= first.revision) return this.#forgotten;
    return Math.min(this.#forgotten + Number(revision - first.revision), this.#commits.length);
  }
}
