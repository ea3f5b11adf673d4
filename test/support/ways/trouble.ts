import type { Random } from "../seeded-random.ts";

/** What is wrong with one direction of a way. It may change at any time. */
export interface Trouble {
  /** Whether nothing arrives until that is over. */
  isCut: boolean;
  /** How long everything takes, in milliseconds, and by how much more at most. */
  delayMs: number;
  jitterMs: number;
  /** How likely it is, for each piece, that it is lost: TCP sends it again, and all behind it wait. */
  loss: number;
}

/** A direction with nothing wrong. */
export function noTrouble(): Trouble {
  return { isCut: false, delayMs: 0, jitterMs: 0, loss: 0 };
}

/** Makes a direction well again. */
export function mend(trouble: Trouble): void {
  Object.assign(trouble, noTrouble());
}

// What Linux waits before it sends a lost segment again, and twice that after another loss.
const resentMs = { least: 200, most: 1_200 };

/** How long a piece takes that is sent now, in milliseconds. */
export function delayOf({ delayMs, jitterMs, loss }: Trouble, random: Random): number {
  const { least, most } = resentMs;
  const resent = loss > 0 && random() < loss ? least + random() * (most - least) : 0;
  return delayMs + jitterMs * random() + resent;
}
