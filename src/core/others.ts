import type { Holder } from "../errors.ts";
import { holderOf } from "./entry.ts";
import type { Outlook } from "./queue-requests.ts";

/** Who stands in a queue that we are not in. */
export interface Others {
  /** The name of the lock. */
  readonly name: string;
  readonly holder: Holder | undefined;
  readonly waiters: number;
  /** Which of the waiters we were, if we were one: 1 for the first. */
  readonly position?: number | undefined;
}

/** What is to be told of them. */
export function othersOf(name: string, { first, count }: Outlook, position?: number): Others {
  const holder = first && holderOf(first);
  return { name, holder, waiters: Math.max(0, count - 1), position };
}
