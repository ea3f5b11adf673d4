import { InvalidOptionError } from "../errors.ts";
import { holderOf } from "./entry.ts";
import { forceRelease } from "./force-release.ts";
import type { Hold } from "./hold.ts";
import { queuesBelow } from "./list.ts";
import type { Lock } from "./lock.ts";
import { Mutex } from "./mutex.ts";
import { checkFlag, checkFunction, checkKnown, checkSignal } from "./options.ts";
import { holdersAmong } from "./rule.ts";
import { runWith } from "./run.ts";
import { RwLock } from "./rw-lock.ts";
import type { Sessions } from "./sessions.ts";

/** What `request` takes, as the Web Locks API has it. */
export interface LockRequestOptions {
  /** Held alone, or together with others that ask for `shared`. @default "exclusive" */
  readonly mode?: "exclusive" | "shared" | undefined;
  /** Does not wait: the callback gets `null` when the lock is not to be had at once. @default false */
  readonly ifAvailable?: boolean | undefined;
  /**
   * Takes the lock away from whoever holds it, whose signal aborts. Unlike in a browser, it
   * does not overtake those who wait already. @default false
   */
  readonly steal?: boolean | undefined;
  /** Gives up waiting when it aborts, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A hold as the callback of `request` gets it: its `mode` is that of the Web Locks API. */
export type RequestedHold = Omit<Hold, "mode"> & {
  /** Whether it is held together with others. */
  readonly mode: "exclusive" | "shared";
};

/** Who holds a lock or waits for it, as `query` shows it. */
export interface LockInfo {
  /** The name of the lock. */
  readonly name: string;
  /** Whether it is held together with others. */
  readonly mode: "exclusive" | "shared";
  /** The `nodeId` of the client, or the key of its entry if that is unknown. */
  readonly clientId: string;
}

/** All locks of a namespace, as `query` shows them. */
export interface LockManagerSnapshot {
  /** Those who hold. */
  readonly held: readonly LockInfo[];
  /** Those who wait, in the order of their turns. */
  readonly pending: readonly LockInfo[];
}

/** Does `callback` with a lock, as `navigator.locks.request` does. */
export async function request<T>(
  sessions: Sessions,
  name: string,
  options: LockRequestOptions,
  callback: (hold: RequestedHold | null) => T | Promise<T>,
): Promise<T> {
  checkKnown(options, ["mode", "ifAvailable", "steal", "signal"]);
  const { mode = "exclusive", ifAvailable = false, steal = false, signal } = options;
  if (mode !== "exclusive" && mode !== "shared") {
    throw new InvalidOptionError("mode", '"exclusive" or "shared"', mode);
  }
  checkFlag("ifAvailable", ifAvailable);
  checkFlag("steal", steal);
  checkSignal(signal);
  checkFunction("callback", callback);
  if (steal && (ifAvailable || mode === "shared" || signal)) {
    throw new InvalidOptionError("steal", "left out with ifAvailable, signal and shared", steal);
  }
  const work = (hold: Hold): T | Promise<T> =>
    callback(Object.defineProperty(hold, "mode", { value: mode }) as unknown as RequestedHold);
  const lock: Lock =
    mode === "shared" ? new RwLock(sessions, name).read : new Mutex(sessions, [name]);
  if (ifAvailable) {
    const hold = await lock.tryAcquire({ signal });
    return hold ? sessions.track(runWith(hold, work)) : callback(null);
  }
  if (steal) await forceRelease(sessions, name, { reason: "stolen", graceMs: 0 });
  return lock.run({ signal }, work);
}

/** Shows who holds and who waits, as `navigator.locks.query` does. */
export async function query(sessions: Sessions): Promise<LockManagerSnapshot> {
  const held: LockInfo[] = [];
  const pending: LockInfo[] = [];
  for await (const { name, entries } of queuesBelow(sessions, "")) {
    const count = holdersAmong(entries);
    for (const [index, entry] of entries.entries()) {
      const isShared = entry.isReader || entry.mode.kind === "permits";
      const clientId = holderOf(entry).nodeId ?? entry.key;
      const info: LockInfo = { name, mode: isShared ? "shared" : "exclusive", clientId };
      (index < count ? held : pending).push(info);
    }
  }
  return { held, pending };
}
