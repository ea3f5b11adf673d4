import type { HistoryEvent } from "./event.ts";
import type { Request } from "./request.ts";
import type { Entry, Write } from "./server-side.ts";

/** How long things may take, in milliseconds. */
export interface Bounds {
  /** From when the way is free until the next one has got in. */
  readonly wakeMs: number;
  /** How much longer etcd keeps an entry whose owner can't take it away. */
  readonly expiryMs: number;
}

/** All that is known of a time in which some asked for locks: what the checkers look at. */
export interface Recorded {
  /** What happened, as those said whom it happened to. */
  readonly events: readonly HistoryEvent[];
  /** The same, request by request, in the order in which they were made. */
  readonly requests: readonly Request[];
  /** What was seen in etcd of those who stood in queues. */
  readonly entries: readonly Entry[];
  /** What was written to what the locks protect. */
  readonly writes: readonly Write[];
  /** What is left in etcd, one text each. */
  readonly leftovers: readonly string[];
  /** How long things may take. */
  readonly bounds: Bounds;
  /** How many permits a semaphore has. */
  readonly capacityOf: (name: string) => number;
}
