import { isRefusal } from "./attempts.ts";
import { SessionGoneError } from "./session-gone-error.ts";

/** Something that hangs on a lease, and can move to a fresh one. */
export interface Rollable {
  /** Whether it has to move. */
  isDue(): boolean;
  /** Moves it once. */
  roll(): Promise<void>;
  /** Waits a moment. */
  rest(ms: number): Promise<void>;
}

// Etcd may be without a leader, or without space: until then the lease that there is is renewed.
const unansweredMs = 100;
const refusedMs = 1_000;

/** Moves what is due until it is not due any more, which it says, or there is nothing left to move. */
export async function rollOn({ isDue, roll, rest }: Rollable): Promise<boolean> {
  while (isDue()) {
    try {
      await roll();
      // An answer may come from a leader whose time is over, too.
      if (isDue()) await rest(unansweredMs);
    } catch (error) {
      if (error instanceof SessionGoneError) return false;
      await rest(isRefusal(error) ? refusedMs : unansweredMs);
    }
  }
  return true;
}
