import { AsyncLocalStorage } from "node:async_hooks";
import { WouldDeadlockError } from "../errors.ts";
import type { Hold } from "./hold.ts";
import type { Mode } from "./mode.ts";
import type { Place } from "./place.ts";
import type { Queue } from "./queue.ts";

// What the functions that called us hold, outermost first: those of `run`, and their like.
const chain = new AsyncLocalStorage<readonly Hold[]>();

/** Does work of which all that it calls, and what those call, knows that it holds. */
export function holding<T>(hold: Hold, work: () => T): T {
  return chain.run([...(chain.getStore() ?? []), hold], work);
}

/**
 * Where the chain of calls holds already what it would wait for if it asked for these queues, if
 * it may join in there and that is good enough.
 *
 * @throws {WouldDeadlockError} when it may not be, or is not.
 */
export function heldAlready(
  queues: readonly Queue[],
  mode: Mode,
  reentrant: boolean,
): Place | undefined {
  for (const hold of [...(chain.getStore() ?? [])].reverse()) {
    const shared = queues.filter((queue) => stands(hold, queue));
    const [queue] = shared;
    if (!queue || !hold.held || !excludes(hold.place.mode, mode)) continue;
    if (reentrant && shared.length === queues.length && covers(hold.place.mode, mode)) {
      return hold.place;
    }
    throw new WouldDeadlockError(queue.name);
  }
  return undefined;
}

function stands({ place }: Hold, { key, session }: Queue): boolean {
  return place.session.etcd === session.etcd && place.queues.some((queue) => queue.key === key);
}

/** Whether who holds in one mode could keep itself from getting another. */
function excludes(held: Mode, asked: Mode): boolean {
  if (held.kind !== "permits" || asked.kind !== "permits") return true;
  return held.total !== asked.total || held.taken + asked.taken > held.total;
}

/** Whether what is held in one mode may be used as if it was held in another. */
function covers(held: Mode, asked: Mode): boolean {
  switch (held.kind) {
    case "read":
      return asked.kind === "read";
    case "permits":
      return asked.kind === "permits" && asked.total === held.total && asked.taken <= held.taken;
    default:
      return true;
  }
}
