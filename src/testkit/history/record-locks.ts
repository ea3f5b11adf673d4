import type { Hold } from "../../core/hold.ts";
import type { AcquireOptions } from "../../core/lock.ts";
import type { OnceOptions } from "../../core/once.ts";
import type { LockRequestOptions } from "../../core/web-locks.ts";
import type { Locks } from "../../locks.ts";
import type { Want } from "./event.ts";
import { type AnyWork, afterTelling, askedFor, recordElection, recordLock } from "./record-lock.ts";
import type { RecordedClient } from "./recorded-client.ts";

type Names = string | readonly string[];

/** The client's own ways to ask, without what they promise about types. */
interface Ways {
  acquire(names: Names, options?: AcquireOptions): Promise<Hold>;
  tryAcquire(names: Names, options?: AcquireOptions): Promise<Hold | undefined>;
  run(names: Names, options: AcquireOptions | undefined, work: AnyWork): Promise<unknown>;
  once(name: string, options: OnceOptions, work: AnyWork): Promise<unknown>;
  request(name: string, options: LockRequestOptions, work: AnyWork): Promise<unknown>;
}

const alone: Want = { mode: "exclusive", permits: 1 };

/**
 * Lets a client tell whatever is asked for through it. It puts other functions before those of the
 * object, which stays the same, so that it does not matter who has it already.
 */
export function recordLocks(
  locks: Locks,
  client: RecordedClient,
  onSemaphore: (name: string, permits: number) => void,
): void {
  recordKinds(locks, client, onSemaphore);
  recordWays(locks as unknown as Ways, locks, client);
  const { close } = locks;
  locks.close = () => {
    client.isOver = true;
    return close.call(locks);
  };
}

function recordKinds(
  locks: Locks,
  client: RecordedClient,
  onSemaphore: (name: string, permits: number) => void,
): void {
  const { mutex, rwLock, semaphore, election } = locks;
  locks.mutex = (name) => {
    const lock = mutex.call(locks, name);
    recordLock(lock, client, () => alone);
    return lock;
  };
  locks.rwLock = (name) => {
    const lock = rwLock.call(locks, name);
    recordLock(lock.read, client, () => ({ mode: "read", permits: 1 }));
    recordLock(lock.write, client, () => ({ mode: "write", permits: 1 }));
    return lock;
  };
  locks.semaphore = (name, permits) => {
    const lock = semaphore.call(locks, name, permits);
    onSemaphore(name, permits);
    recordLock(lock, client, ({ permits: taken = 1 }) => ({ mode: "permits", permits: taken }));
    return lock;
  };
  locks.election = (name) => {
    const candidacy = election.call(locks, name);
    recordElection(candidacy, client);
    return candidacy;
  };
}

/** Those for one name go by way of `mutex`, where they are told. */
function recordWays(ways: Ways, { clock }: Locks, client: RecordedClient): void {
  const { acquire, tryAcquire, run, once, request } = ways;
  ways.acquire = (names, options) => {
    const ask = () => acquire.call(ways, names, options);
    return isSeveral(names) ? client.acquire(askedFor(names, alone, options), ask) : ask();
  };
  ways.tryAcquire = (names, options) => {
    const ask = () => tryAcquire.call(ways, names, options);
    const asked = { ...options, waitMs: 0 };
    return isSeveral(names) ? client.acquire(askedFor(names, alone, asked), ask) : ask();
  };
  ways.run = (names, ...args: readonly unknown[]) => {
    const [options, work] = lastTwo<AcquireOptions>(args);
    if (!isSeveral(names)) return run.call(ways, names, options, work);
    return client.through(askedFor(names, alone, options), (got) =>
      run.call(ways, names, options, afterTelling(got, work)),
    );
  };
  ways.once = (name, options, work) => {
    const { everyMs, untilMs, minHoldMs } = Object(options) as OnceOptions;
    const windowMs = everyMs === undefined ? (untilMs ?? 0) - clock.wallTime() : everyMs / 2;
    const asked = { ...askedFor(name, alone, { waitMs: 0, minHoldMs }), windowMs };
    return client.through(asked, (got) => once.call(ways, name, options, afterTelling(got, work)));
  };
  ways.request = (name, ...args: readonly unknown[]) => {
    const [options = {}, work] = lastTwo<LockRequestOptions>(args);
    const want: Want = options.mode === "shared" ? { mode: "read", permits: 1 } : alone;
    const asked = askedFor(name, want, options.ifAvailable ? { waitMs: 0 } : {});
    return client.through(asked, (got) =>
      request.call(ways, name, options, afterTelling(got, work)),
    );
  };
}

function isSeveral(names: Names): names is readonly string[] {
  return Array.isArray(names) && names.length > 0;
}

/** The options and the work, of which the options may be left out. */
function lastTwo<O>(args: readonly unknown[]): [options: O | undefined, work: AnyWork] {
  const [options, work] = args.length === 1 ? [undefined, args[0]] : args;
  return [options as O | undefined, work as AnyWork];
}
