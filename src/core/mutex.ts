import { Hold } from "./hold.ts";
import { type AcquireOptions, Lock } from "./lock.ts";
import { exclusiveRule } from "./rule.ts";
import type { Sessions } from "./sessions.ts";

/**
 * A named lock that one holder at a time has, in the order in which they asked: across
 * processes, hosts and languages. It excludes Go's `concurrency.Mutex` and `etcdctl lock`
 * on `locks.keyOf(name)`.
 *
 * It is not reentrant, unless asked for with `reentrant: true`.
 *
 * ```ts
 * const nightly = locks.mutex("nightly");
 * await nightly.run(async (hold) => backup({ signal: hold.signal }));
 * ```
 *
 * Of several names it is all of them or none: one place in every queue, at the same revision,
 * so that those who ask for the same names in another order do not block each other for ever.
 */
export class Mutex extends Lock<Hold, AcquireOptions> {
  /** @internal */
  constructor(sessions: Sessions, names: readonly string[]) {
    super(sessions, { names, rule: () => exclusiveRule, hold: (place) => new Hold(place) });
  }
}
