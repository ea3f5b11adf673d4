import type { Clock } from "../../clock.ts";

const creationMs = 2_000;
const silenceMs = 5_000;
const answerMs = 3_000;

/** What a watchdog sees: moments on the monotonic clock, or undefined for what is not the case. */
export interface WatchdogView {
  readonly heardAt: number;
  /** Since when etcd has owed us an answer to a new watch. */
  readonly creatingSince: number | undefined;
  /** When we asked for a sign of life that has not come. */
  readonly askedAt: number | undefined;
}

/** What to do next, and when. */
export function nextStep(view: WatchdogView): { readonly at: number; readonly ask: boolean } {
  const { heardAt, creatingSince = Number.POSITIVE_INFINITY, askedAt } = view;
  const silenceEnds = askedAt === undefined ? heardAt + silenceMs : askedAt + answerMs;
  const creationEnds = creatingSince + creationMs;
  return creationEnds < silenceEnds
    ? { at: creationEnds, ask: false }
    : { at: silenceEnds, ask: askedAt === undefined };
}

/** What a watchdog asks, and what it lets others do. */
export interface WatchdogActions {
  /** Whether etcd still owes an answer to a new watch. */
  isCreating(): boolean;
  /** Whether etcd has a reason not to give a sign of life. */
  mayBeSilent(): boolean;
  ask(): void;
  giveUp(): void;
}

/**
 * Notices when a stream of watches has gone deaf: a new watch is not answered, or there is no
 * sign of life even when asked for. Events may be rare, so silence alone means nothing.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #actions: WatchdogActions;
  #heardAt: number;
  #creatingSince: number | undefined;
  #askedAt: number | undefined;
  #wakesAt = Number.POSITIVE_INFINITY;
  #stopTimer: () => void = () => {};
  #isStopped = false;

  constructor(clock: Clock, actions: WatchdogActions) {
    this.#clock = clock;
    this.#actions = actions;
    this.#heardAt = clock.now();
    this.#arm();
  }

  /** Something came. */
  hear(): void {
    this.#heardAt = this.#clock.now();
    this.#askedAt = undefined;
  }

  /** A new watch was asked for. */
  create(): void {
    this.#creatingSince ??= this.#clock.now();
    this.#arm();
  }

  /** The oldest of the new watches was answered; the others have their full time again. */
  created(): void {
    this.#creatingSince = this.#actions.isCreating() ? this.#clock.now() : undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopTimer();
  }

  // What is heard only moves the next step away, so the timer stays, and looks again when it fires.
  #arm(): void {
    const { at } = this.#next();
    if (at >= this.#wakesAt || this.#isStopped) return;
    this.#stopTimer();
    this.#wakesAt = at;
    const delayMs = Math.max(at - this.#clock.now(), 0);
    this.#stopTimer = this.#clock.setTimer(delayMs, () => this.#wake(), {
      keepsProcessAlive: false,
    });
  }

  #wake(): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const { at, ask } = this.#next();
    if (this.#clock.now() >= at) {
      if (ask) {
        this.#askedAt = this.#clock.now();
        this.#actions.ask();
      } else if (this.#creatingSince === undefined && this.#actions.mayBeSilent()) {
        this.hear();
      } else {
        this.#actions.giveUp();
        return;
      }
    }
    this.#arm();
  }

  #next(): { readonly at: number; readonly ask: boolean } {
    return nextStep({
      heardAt: this.#heardAt,
      creatingSince: this.#creatingSince,
      askedAt: this.#askedAt,
    });
  }
}
