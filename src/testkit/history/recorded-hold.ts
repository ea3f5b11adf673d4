import type { Hold } from "../../core/hold.ts";
import type { WriteHold } from "../../core/rw-lock.ts";
import { LockLostError } from "../../errors.ts";
import type { Fate, ProcessClock } from "../process-clock.ts";
import type { RequestEvent } from "./event.ts";

/** What a hold says of itself. */
export type HoldEvent = Pick<RequestEvent, "kind" | "at"> & Partial<RequestEvent>;

/** Where a hold is recorded. */
export interface HoldRecord {
  readonly now: () => number;
  readonly process: ProcessClock | undefined;
  /** Returns what to call to put the event right when more is known. */
  readonly tell: (event: HoldEvent) => (better: Partial<RequestEvent>) => void;
  readonly onOver: () => void;
}

/** A process that stands still: since when, and until when by its own clock the hold was good then. */
interface Stop {
  readonly at: number;
  readonly goodUntil: number;
  resumedAt?: number;
}

/**
 * Follows a hold from outside. It asks nothing of it at moments at which the service does not run, since
 * a hold that is asked tells its loss at once, to the service as well.
 */
export class RecordedHold {
  readonly token: bigint;
  readonly #hold: Hold;
  readonly #record: HoldRecord;
  readonly #gotAt: number;
  /** When it was certain for the last time that it holds. */
  #heldUntil: number;
  #stop: Stop | undefined;
  #correct: ((better: Partial<RequestEvent>) => void) | undefined;
  #isOver = false;

  constructor(hold: Hold, record: HoldRecord) {
    this.token = hold.fencingToken;
    this.#hold = hold;
    this.#record = record;
    this.#gotAt = record.now();
    this.#heldUntil = this.#gotAt;
    this.#tell({ at: this.#gotAt, kind: "got" });
    const { release, detach } = hold;
    const leaving =
      <A extends unknown[], R>(leave: (...args: A) => R) =>
      (...args: A): R => {
        this.#leave();
        return leave.apply(hold, args);
      };
    Object.assign(hold, { release: leaving(release), detach: leaving(detach) });
    if ("downgrade" in hold) this.#followDowngrade(hold as WriteHold);
    hold.signal.addEventListener("abort", () => this.#lose(hold.signal.reason), { once: true });
  }

  /** Takes note of what becomes of its process. */
  suffer(fate: Fate): void {
    const { now, process } = this.#record;
    if (!process || this.#correct) return;
    if (fate === "stopped") {
      this.#stop = { at: now(), goodUntil: process.now() + this.#hold.remainingMs };
    } else if (fate === "went on" && this.#stop) {
      if (process.now() < this.#stop.goodUntil) this.#stop = undefined;
      else this.#stop.resumedAt = now();
    }
  }

  #followDowngrade(hold: WriteHold): void {
    const { downgrade } = hold;
    hold.downgrade = (...args) => {
      if (hold.held && hold.mode !== "read") this.#tell({ at: this.#record.now(), kind: "shares" });
      return downgrade.apply(hold, args);
    };
  }

  /** It is about to let go, or has found that it can't; either way its work has stopped. */
  #leave(): void {
    if (this.#isOver) return;
    const at = this.#record.now();
    const { held } = this.#hold;
    if (this.#correct) this.#correct({ at });
    else if (held) this.#tell({ at, kind: "left" });
    // Its signal had aborted before, for another reason: when it was lost, nobody knows.
    else this.#tell({ at, kind: "lost", heldUntil: this.#heldUntil });
    this.#isOver = true;
    this.#record.onOver();
  }

  #lose(reason: unknown): void {
    const at = this.#record.now();
    this.#heldUntil = at;
    // One that is letting go already has told so; a term of an election that is to end is held still.
    if (this.#isOver || !(reason instanceof LockLostError)) return;
    const { reason: why } = reason;
    // It is told as soon as the process goes on: one that is told later was lost for another reason.
    const wasStopped = this.#stop !== undefined && at - (this.#stop.resumedAt ?? at) < 1;
    const isLate = wasStopped || why === "stalled";
    const heldUntil = isLate ? (this.#stop?.at ?? this.#gotAt) : at;
    this.#correct = this.#tell({ at, kind: "lost", heldUntil, why, toldInTime: !isLate });
  }

  #tell(event: HoldEvent): (better: Partial<RequestEvent>) => void {
    return this.#record.tell({ ...event, token: String(this.token) });
  }
}
