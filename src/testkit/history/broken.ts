import { exclusion } from "./exclusion.ts";
import { fencedWrites } from "./fenced-writes.ts";
import { firstComeFirstServed } from "./first-come-first-served.ts";
import { noLostWakeUp } from "./no-lost-wake-up.ts";
import { nothingLeft } from "./nothing-left.ts";
import { permits } from "./permits.ts";
import { readersAndWriters } from "./readers-and-writers.ts";
import type { Recorded } from "./recorded.ts";
import { risingTokens } from "./rising-tokens.ts";
import { toldBeforeExpiry } from "./told-before-expiry.ts";

const checkers = [
  exclusion,
  readersAndWriters,
  permits,
  fencedWrites,
  risingTokens,
  firstComeFirstServed,
  toldBeforeExpiry,
  noLostWakeUp,
  nothingLeft,
];

/** Every promise that was broken, each told as a story. */
export function broken(recorded: Recorded): readonly string[] {
  return checkers.map((check) => check(recorded)).filter((story) => story !== undefined);
}
