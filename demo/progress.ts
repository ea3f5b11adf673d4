import type { DemoEvent } from "./events.ts";

export type ReplicaState = "starting" | "waiting" | "holding" | "paused" | "killed" | "stopped";

/** Where one replica stands. */
export interface ReplicaProgress {
  readonly state: ReplicaState;
  /** The token of the hold that it has, or believes to have, or died with. */
  readonly token: bigint | undefined;
  readonly updates: number;
}

/** Somebody was struck in mid-hold, and nobody has got the lock since. */
interface OpenHandOver {
  readonly replica: string;
  readonly strike: "killed" | "paused";
  readonly atMs: number;
}

/** All that was heard of the replicas so far. */
export interface Progress {
  readonly replicas: ReadonlyMap<string, ReplicaProgress>;
  /** The updates that replicas say they have made. */
  readonly claimed: readonly string[];
  readonly kills: number;
  readonly pauses: number;
  readonly stale: StaleWrites;
  /** How often a replica was told that what it did was not under the lock until the end. */
  readonly lost: number;
  /** From the strike until somebody else held the lock, in milliseconds. */
  readonly handOversMs: { readonly killed: readonly number[]; readonly paused: readonly number[] };
  readonly openHandOver: OpenHandOver | undefined;
  readonly troubles: readonly string[];
}

/** Writes that were attempted with a token of the past. */
export interface StaleWrites {
  readonly refused: number;
  /** How often `hold.held` was false in the moment of the attempt, had anybody asked. */
  readonly notHeld: number;
  /** The same of `hold.signal.aborted`. */
  readonly aborted: number;
}

export const noProgress: Progress = {
  replicas: new Map(),
  claimed: [],
  kills: 0,
  pauses: 0,
  stale: { refused: 0, notHeld: 0, aborted: 0 },
  lost: 0,
  handOversMs: { killed: [], paused: [] },
  openHandOver: undefined,
  troubles: [],
};

/** What is known after one more event. */
export function advance(before: Progress, event: DemoEvent): Progress {
  const { replica } = event;
  const was = before.replicas.get(replica) ?? { state: "starting", token: undefined, updates: 0 };
  const set = (now: Partial<ReplicaProgress>): Progress => ({
    ...before,
    replicas: new Map(before.replicas).set(replica, { ...was, ...now }),
  });

  // What was said before a strike may be heard after it, and does not undo it.
  const struck = was.state === "paused" || was.state === "killed" ? was.state : undefined;

  switch (event.kind) {
    case "started":
      return set({ state: "starting", token: undefined });
    case "waiting":
      return set({ state: struck ?? "waiting", token: undefined });
    case "holding":
      return handedOver(set({ state: struck ?? "holding", token: event.token }), event);
    case "thinking":
      return before;
    case "updated":
      return { ...set({ updates: was.updates + 1 }), claimed: [...before.claimed, event.update] };
    case "refused":
      return { ...before, stale: oneMore(before.stale, event) };
    case "released":
      return withoutHandOver(before, replica);
    case "lost":
      return { ...before, lost: before.lost + 1 };
    case "trouble":
      return { ...before, troubles: [...before.troubles, `${replica}: ${event.message}`] };
    case "killed":
      return { ...set({ state: "killed" }), kills: before.kills + 1, ...opened(was, event) };
    case "paused":
      return { ...set({ state: "paused" }), pauses: before.pauses + 1, ...opened(was, event) };
    case "resumed":
      // It goes on where it was, and believes what it believed then.
      return set({ state: was.token === undefined ? "waiting" : "holding" });
    case "stopped":
      return set({ state: "stopped", token: undefined });
  }
}

/** Only who was struck while it had the lock leaves others waiting for it. */
function opened(
  { state }: ReplicaProgress,
  { replica, kind, atMs }: DemoEvent & { kind: "killed" | "paused" },
): Partial<Progress> {
  return state === "holding" ? { openHandOver: { replica, strike: kind, atMs } } : {};
}

function handedOver(progress: Progress, { replica, atMs }: DemoEvent): Progress {
  const open = progress.openHandOver;
  if (!open || open.replica === replica) return progress;
  const times = [...progress.handOversMs[open.strike], atMs - open.atMs];
  return {
    ...progress,
    openHandOver: undefined,
    handOversMs: { ...progress.handOversMs, [open.strike]: times },
  };
}

/** The strike came too late: what was under way when it fell was the release. */
function withoutHandOver(progress: Progress, replica: string): Progress {
  if (progress.openHandOver?.replica !== replica) return progress;
  return { ...progress, openHandOver: undefined };
}

function oneMore(
  stale: StaleWrites,
  { held, aborted }: { held: boolean; aborted: boolean },
): StaleWrites {
  return {
    refused: stale.refused + 1,
    notHeld: stale.notHeld + (held ? 0 : 1),
    aborted: stale.aborted + (aborted ? 1 : 0),
  };
}
