import { stayAwake } from "../clock.ts";
import { ClosedError } from "../errors.ts";
import type { KeyRange, RequestOp } from "../etcd/api.ts";
import { abortable, onAbort } from "../signals.ts";
import { type Entry, entryOf, withoutCompanions } from "./entry.ts";
import { prefixRange } from "./keys.ts";
import { Mirror } from "./mirror.ts";
import { allIn, entriesOf, firstIn } from "./queue-requests.ts";
import type { Waiting } from "./requester.ts";
import type { Sessions } from "./sessions.ts";
import { throughConsensus } from "./through-consensus.ts";

/**
 * Reads all entries of the queue whose keys begin with `prefix`, oldest first: of what has a companion
 * one only.
 */
export async function readQueue(
  sessions: Sessions,
  prefix: string,
  waiting: Waiting = {},
): Promise<readonly Entry[]> {
  return withoutCompanions(await entriesBy(allIn, sessions, prefix, waiting));
}

/** Reads the entry that came first in that queue. */
export async function readFirst(
  sessions: Sessions,
  prefix: string,
  waiting: Waiting = {},
): Promise<Entry | undefined> {
  const [first] = await entriesBy(firstIn, sessions, prefix, waiting);
  return first;
}

async function entriesBy(
  reading: (range: KeyRange) => RequestOp,
  sessions: Sessions,
  prefix: string,
  waiting: Waiting,
): Promise<readonly Entry[]> {
  const range = prefixRange(prefix);
  const { responses } = await sessions.ask(
    { success: [reading(range)], failure: [throughConsensus(range.key)] },
    waiting,
  );
  return entriesOf(responses[0]).map((kv) => entryOf(prefix, kv));
}

// A server may lose what it has to tell a watch.
const lookEveryMs = 5_000;

/**
 * Watches all entries of a queue, and looks at them now and then, until `isReached` says so of them. Resolves with those.
 *
 * @throws {ClosedError} when the client is closed first.
 * @throws the reason of `signal`, when that aborts first.
 */
export async function untilQueue(
  sessions: Sessions,
  prefix: string,
  isReached: (entries: readonly Entry[]) => boolean,
  signal?: AbortSignal | undefined,
): Promise<readonly Entry[]> {
  const { clock, ttlMs } = sessions.options;
  let stop = (): void => {};
  let cancelLook = (): void => {};
  const stopStaying = stayAwake(clock);
  let mirror: Mirror | undefined;
  const reached = new Promise<readonly Entry[]>((resolve, reject) => {
    mirror = new Mirror(sessions, prefix, () => {
      const entries = mirror?.entries;
      if (entries && isReached(entries)) resolve(entries);
    });
    stop = onAbort(sessions.closed, () => reject(new ClosedError()));
    const look = async (): Promise<void> => {
      armLook();
      const entries = await entriesBy(allIn, sessions, prefix, { signal });
      if (isReached(entries)) resolve(entries);
    };
    const armLook = (): void => {
      const delayMs = Math.min(ttlMs, lookEveryMs);
      cancelLook = clock.setTimer(delayMs, () => void look().catch(() => {}), {
        keepsProcessAlive: false,
      });
    };
    armLook();
  });
  try {
    return await abortable(reached, signal);
  } finally {
    stopStaying();
    cancelLook();
    stop();
    mirror?.close();
  }
}
