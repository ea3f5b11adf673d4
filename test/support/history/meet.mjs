// What one strand does at a barrier.

/** @import { Meeting } from "./meeting.ts" */
/** @import { Strand } from "./carry-out.mjs" */

const enough = "nobody comes";

/**
 * Enters a barrier, stays for a while and leaves it, and tells all that. Who waits for others to
 * come gives up when there is no hope any more.
 *
 * @param {Meeting} meeting
 * @param {Strand} strand
 */
export async function meet({ name, parties, stayMs }, { who, locks, expected, ...strand }) {
  const { now, pause, nobodyComes, tell } = strand;
  const barrier = locks.barrier(name, parties);
  const about = { who, name, parties };
  const controller = new AbortController();
  void nobodyComes().then(() => controller.abort(new Error(enough)));
  tell({ at: now(), ...about, kind: "comes" });
  try {
    await barrier.enter({ signal: controller.signal });
    tell({ at: now(), ...about, kind: "enters" });
    if (stayMs > 0) await pause(stayMs);
    tell({ at: now(), ...about, kind: "wants out" });
    await barrier.leave();
    tell({ at: now(), ...about, kind: "is out" });
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message?: string }} */ (error);
    if (message !== enough && !expected.includes(code ?? "")) throw error;
    tell({ at: now(), ...about, kind: message === enough ? "quits" : "is lost" });
  }
}
