import type { DemoEvent } from "./events.ts";
import type { Progress } from "./progress.ts";

/** What is worth telling of an event, in half a sentence; turns and updates are too many. */
export function narrate(event: DemoEvent, before: Progress, after: Progress): string | undefined {
  const { replica } = event;
  const token = before.replicas.get(replica)?.token;
  const inHand = token === undefined ? "" : ` with token ${token} in hand`;
  switch (event.kind) {
    case "holding": {
      const open = before.openHandOver;
      if (!open || after.openHandOver) return undefined;
      const seconds = ((event.atMs - open.atMs) / 1_000).toFixed(2);
      return `${replica} gets the lock, ${seconds} s after ${open.replica} was ${open.strike}`;
    }
    case "killed":
      return `${replica} is killed${inHand}`;
    case "paused":
      return `${replica} is paused${inHand}`;
    case "resumed":
      return `${replica} wakes up, and writes${inHand}`;
    case "refused":
      return `${replica} is refused: its token is of the past (hold.held was ${event.held})`;
    case "lost":
      return `${replica} is told that it lost the lock (${event.reason}), and asks anew`;
    case "started":
      return before.replicas.has(replica) ? `${replica} is started again` : undefined;
    case "trouble":
      return `${replica} is in trouble: ${event.message}`;
    default:
      return undefined;
  }
}

/** The counters, as they stand. */
export function countersOf({ claimed, stale, kills, pauses }: Progress): string {
  return [
    counted(claimed.length, "update"),
    counted(kills, "kill"),
    counted(pauses, "pause"),
    `${counted(stale.refused, "stale write")} stopped`,
  ].join(", ");
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
