/** @import { Hold } from "microlock" */
/** @import { RequestEvent } from "../../../src/testkit/history/event.ts" */

/**
 * What a holder believes, and tells of it. Each moment is taken before `held` is asked: whoever is told
 * that it holds did so then.
 *
 * @param {Hold} hold
 * @param {() => number} now
 * @param {(event: Pick<RequestEvent, "at" | "kind"> & Partial<RequestEvent>) => void} tell
 */
export function beliefIn(hold, now, tell) {
  const token = String(hold.fencingToken);
  let heldUntil = now();
  /** Whether it holds still. */
  const isHeld = () => {
    const at = now();
    const { held } = hold;
    if (held) heldUntil = at;
    return held;
  };
  /**
   * Tells something that is so only while it holds. Returns whether it did.
   *
   * @param {"got" | "shares" | "left"} kind
   */
  const tellIfHeld = (kind) => {
    const isSo = isHeld();
    if (isSo) tell({ at: heldUntil, kind, token });
    return isSo;
  };
  return {
    isHeld,
    /** Tells that it got in. Returns whether it holds still. */
    begin() {
      const isIn = tellIfHeld("got");
      if (!isIn) tell({ at: now(), kind: "gave up", why: "lost at once" });
      return isIn;
    },
    /** Tells that it is about to share what it had alone. Returns whether it holds still. */
    share: () => tellIfHeld("shares"),
    /** Tells that it is about to leave, or what became of it. */
    end() {
      if (tellIfHeld("left")) return;
      tell({ at: now(), kind: "lost", token, heldUntil, why: hold.signal.reason?.reason });
    },
  };
}
