import type { LossReason } from "../errors.ts";

/** An entry of ours is not there any more, or not ours. */
export class EntryLostError extends Error {
  override name = "EntryLostError";
  readonly reason: LossReason;

  constructor(reason: LossReason) {
    super(reason);
    this.reason = reason;
  }
}
