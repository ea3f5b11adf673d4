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
  const places = new Set<Place>();
  for (const { held, place } of [...(chain.getStore() ?? [])].reverse()) {
    const shared = queues.filter((queue) => stands(place, queue));
    const [queue] = shared;
    if (!queue || !held) continue;
    // Those that joined in stand on one place.
    places.add(place);
    if (!exclude([...places], mode)) continue;
    if (reentrant && shared.length === queues.length && covers(place.mode, mode)) return place;
    throw new WouldDeadlockError(queue.name);
  }
  return undefined;
}

function stands(place: Place, { key, session }: Queue): boolean {
  return place.session.etcd === session.etcd && place.queues.some((queue) => queue.key === key);
}

/** Whether who holds these places could keep itself from getting another, in some mode. */
function exclude(places: readonly Place[], asked: Mode): boolean {
  if (asked.kind !== "permits") return true;
  let room = asked.total - asked.taken;
  for (const { mode } of places) {
    if (mode.kind !== "permits" || mode.total !== asked.total) return true;
    room -= mode.taken;
  }
  return room < 0;
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
