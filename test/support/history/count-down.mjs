// What one strand does at a latch.

/** @import { Counting } from "./counting.ts" */
/** @import { Strand } from "./carry-out.mjs" */

const enough = "waited for long enough";
/** Longer than any world lasts. */
const keepMs = 3_600_000;

/**
 * Counts a latch down, or waits until it is open, or one after the other, and tells all that.
 *
 * @param {Counting} counting
 * @param {Strand} strand
 */
export async function countDown({ name, total, counts, waits, waitMs }, strand) {
  const { who, locks, expected, now, pause, nobodyComes, tell } = strand;
  const latch = locks.latch(name, total, { keepMs });
  const about = { who, name, total };
  try {
    if (counts) {
      tell({ at: now(), ...about, kind: "counts" });
      const left = await latch.countDown();
      tell({ at: now(), ...about, kind: "counted", left });
    }
    if (waits) {
      const controller = new AbortController();
      const giveUp = () => controller.abort(new Error(enough));
      void nobodyComes().then(giveUp);
      if (waitMs !== undefined) void pause(waitMs).then(giveUp);
      tell({ at: now(), ...about, kind: "waits" });
      await latch.wait({ signal: controller.signal });
      tell({ at: now(), ...about, kind: "passes" });
    }
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message?: string }} */ (error);
    if (message !== enough && !expected.includes(code ?? "")) throw error;
    tell({ at: now(), ...about, kind: "turns away" });
  }
}
