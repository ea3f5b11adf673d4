/** What a lock is wanted for: to have it alone, or together with others who want the same. */
export type Mode = "exclusive" | "write" | "election" | "read" | "permits";

/** What somebody wants of a lock. */
export interface Want {
  readonly mode: Mode;
  /** How many permits of a semaphore. Other modes say 1. */
  readonly permits: number;
}

/** Something that happened to a request, as the one who made it knows it. */
export interface RequestEvent extends Want {
  /** In milliseconds of one clock that everybody shares. */
  readonly at: number;
  /** The process, its life and its strand: "3.1/a". A strand asks one thing at a time. */
  readonly who: string;
  readonly kind: "asked" | "got" | "shares" | "left" | "gave up" | "lost";
  readonly name: string;
  /** All that it asked for at once, if more than this one: each is told of for itself. */
  readonly names?: readonly string[];
  /** Of what is done once per tick: for how long all come for the same one. */
  readonly windowMs?: number | undefined;
  /** And for how long nobody else gets in afterwards. */
  readonly minHoldMs?: number | undefined;
  /** Whether nobody is to get in after a loss before the work has stopped, which "lost" is told after. */
  readonly lingers?: boolean;
  /** The fencing token in decimal, once there is one. */
  readonly token?: string;
  /** With "asked": how long it waits at most. 0 does not wait; absent waits for ever. */
  readonly waitMs?: number;
  /** With "lost": the last moment at which it was told that it holds. */
  readonly heldUntil?: number;
  /** With "lost": whether it was told while others were kept out. Then `at` is when its work had stopped. */
  readonly toldInTime?: boolean;
  readonly why?: string;
}

/** Something that happened to one who came to a barrier, as it knows it. */
export interface PartyEvent {
  readonly at: number;
  readonly who: string;
  readonly name: string;
  /** How many have to come. */
  readonly parties: number;
  /** "wants out" is told before `leave` is called, the others when they have happened. */
  readonly kind: "comes" | "enters" | "wants out" | "is out" | "quits" | "is lost";
}

/** Something that happened to one who came to a latch, as it knows it. */
export interface LatchEvent {
  readonly at: number;
  readonly who: string;
  readonly name: string;
  /** How many times it has to be counted down. */
  readonly total: number;
  /** "counts" and "waits" are told before that is asked for, the others when they have happened. */
  readonly kind: "counts" | "counted" | "waits" | "passes" | "turns away";
  /** With "counted": how many are left. */
  readonly left?: number;
}

/**
 * Something that was done to a process: "3.1". At a "lull" nothing can happen to anybody any more
 * without time going by.
 */
export interface ProcessEvent {
  readonly at: number;
  readonly who: string;
  readonly kind: "died" | "stopped" | "went on" | "lull";
}

/**
 * One line of a history. It is plain data, so that a process can print it.
 *
 * Moments are chosen such that what a history says is certain. "got", "left" and `heldUntil`
 * are taken right before `held` was asked and found true: at that moment it did believe. "left"
 * is told before the release is sent, "shares" before a writer becomes a reader, and "died" before
 * the process is killed.
 */
export type HistoryEvent = RequestEvent | PartyEvent | LatchEvent | ProcessEvent;

/** The process that a strand belongs to. */
export function processOf(who: string): string {
  return who.split("/")[0] ?? who;
}
