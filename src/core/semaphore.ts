import { Hold } from "./hold.ts";
import { type AcquireOptions, Lock } from "./lock.ts";
import { checkCount } from "./options.ts";
import { permitsRule } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/** What a semaphore's `acquire` and `run` take, and but for the wait `tryAcquire`. */
export interface PermitOptions extends AcquireOptions {
  /** How many permits to take at once. @default 1 */
  readonly permits?: number | undefined;
}

/**
 * So many permits, and as many holders at the most. First come, first served: one who
 * wants many is not overtaken by those who want few.
 *
 * All clients have to go by the same number, which is in the keys of those who stand in the
 * queue: one that goes by another is told (`DISAGREEMENT`). The number can be changed while nobody
 * stands there. A mutex, or another plain contender, of the same name wants all permits.
 *
 * ```ts
 * const exports = locks.semaphore("exports", 3);
 * await exports.run(async (hold) => render({ signal: hold.signal }));
 * await exports.run({ permits: 2 }, async () => renderLarge());
 * ```
 */
export class Semaphore extends Lock<Hold, PermitOptions> {
  /** How many permits there are in all. */
  readonly permits: number;

  /** @internal */
  constructor(sessions: Sessions, name: string, permits: number) {
    super(sessions, {
      names: [name],
      options: ["permits"],
      rule({ permits: taken = 1 }) {
        checkCount("permits", taken, permits);
        return permitsRule(permits, taken);
      },
      hold: (place) => new Hold(place),
    });
    this.permits = permits;
  }
}
