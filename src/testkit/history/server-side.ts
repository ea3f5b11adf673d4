import type { Want } from "./event.ts";
import { ms } from "./story.ts";

/** An entry of a queue, as etcd had it. */
export interface Entry extends Want {
  readonly name: string;
  readonly who: string;
  /** The revision at which it was created: the token of whoever holds by it. */
  readonly token: bigint;
  /** All that were asked for along with it. */
  readonly names: readonly string[];
  /** The revision at which it became a reader's, if it did. */
  readonly sharesSince: bigint | undefined;
  /** The revision at which it was removed, if it was. */
  readonly removedAt: bigint | undefined;
  /** When the removal was seen: a little later than it happened. Infinity if it was not. */
  readonly seenRemovedAt: number;
}

/** Something that was written to what the lock protects. */
export interface Write extends Want {
  readonly name: string;
  readonly token: bigint;
  /** The revision at which it was written; or, outside of etcd, which write it was. */
  readonly revision: bigint;
  /** When it was written, and by whom, where that is known. */
  readonly at?: number;
  readonly who?: string;
}

/** An entry or a write as people read it. */
export function toldEntry({ who, name, mode, token, removedAt }: Entry): string {
  const span = removedAt === undefined ? "stands to this day" : `stood until ${removedAt}`;
  return `  the entry of ${who} for ${name} (${mode}), created at revision ${token}, ${span}`;
}

/** A write as people read it. */
export function toldWrite({ name, mode, token, revision, at, who }: Write): string {
  if (at !== undefined)
    return `  at ${ms(at)}, ${who} wrote to ${name} with token ${token} (${mode})`;
  return `  at revision ${revision}, who had token ${token} wrote to ${name} (${mode})`;
}
