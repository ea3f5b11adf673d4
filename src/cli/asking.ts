import type { Hold } from "../core/hold.ts";
import type { AcquireOptions, Lock } from "../core/lock.ts";
import type { Holder } from "../errors.ts";
import type { Locks } from "../locks.ts";
import type { Args } from "./args.ts";
import type { OptionSpecs } from "./command.ts";
import { exitCodes } from "./exit-codes.ts";
import { UsageError } from "./usage-error.ts";

/** How long to wait. */
export const waitOptions: OptionSpecs = {
  nonblock: { short: "n", help: "do not wait for a lock that is taken" },
  wait: { short: "w", value: "TIME", help: "wait so long at the most (default: for ever)" },
};

/** Which locks to ask for, in which way. */
export const askingOptions: OptionSpecs = {
  ...waitOptions,
  shared: { short: "s", help: "share it with others who ask so: they read, nobody writes" },
  exclusive: { short: "x", help: "alone, which is how it is without this" },
  permits: { short: "N", value: "N", help: "be one of so many at a time" },
  name: { value: "NAME", multiple: true, help: "one more lock: all of them, or none" },
};

/** How long it lives on without us. */
export const ttlOption: OptionSpecs = {
  ttl: { value: "TIME", help: "how long the lock outlives us if we die (default 15s)" },
};

/** What to end with. */
export const exitCodeOptions: OptionSpecs = {
  "conflict-exit-code": {
    short: "E",
    value: "CODE",
    help: "what to end with if the lock is taken (default 75)",
  },
  "lost-exit-code": { value: "CODE", help: "what to end with if the lock was lost (default 79)" },
};

/** How to ask for a lock. */
export interface Asking {
  readonly names: readonly string[];
  readonly kind: "exclusive" | "shared" | "permits";
  readonly permits: number;
  /** How long to wait, in milliseconds; undefined for ever. */
  readonly waitMs: number | undefined;
  readonly ttlMs: number;
  readonly conflictExitCode: number;
  readonly lostExitCode: number;
}

const ttlMsDefault = 15_000;

/**
 * Which locks the arguments ask for, and how.
 *
 * @throws {UsageError} when they contradict each other.
 */
export function askingOf(args: Args): Asking {
  const names = [...args.operands, ...args.texts("name")];
  if (names.length === 0) throw new UsageError("the name of the lock is missing");
  const permits = args.integer("permits", 1, 1_000_000);
  const isShared = args.flag("shared");
  exclude(args, "shared", "exclusive");
  exclude(args, "shared", "permits");
  exclude(args, "exclusive", "permits");
  if (names.length > 1 && (isShared || permits !== undefined)) {
    throw new UsageError("several locks at once can only be had exclusively");
  }
  return {
    names,
    kind: isShared ? "shared" : permits === undefined ? "exclusive" : "permits",
    permits: permits ?? 1,
    ...patienceOf(args),
  };
}

/** How long to wait and to live, and what to end with. */
export function patienceOf(
  args: Args,
): Pick<Asking, "waitMs" | "ttlMs" | "conflictExitCode" | "lostExitCode"> {
  exclude(args, "nonblock", "wait");
  const ttlMs = args.ms("ttl") ?? ttlMsDefault;
  if (ttlMs <= 0) throw new UsageError("--ttl must be more than 0");
  return {
    waitMs: args.flag("nonblock") ? 0 : args.ms("wait"),
    ttlMs,
    conflictExitCode: args.integer("conflict-exit-code", 0, 255) ?? exitCodes.busy,
    lostExitCode: args.integer("lost-exit-code", 0, 255) ?? exitCodes.lost,
  };
}

/** Whoever is told how the waiting goes. */
export interface WaitListener {
  waiting(name: string, position: number, holder: Holder | undefined): void;
}

/** Waits for the turn. A signal that comes in the very moment of success wins: it is let go of. */
export async function acquire(
  locks: Locks,
  asking: Asking,
  options: Pick<AcquireOptions, "reason" | "lingerMs" | "minHoldMs">,
  signal: AbortSignal,
  listener: WaitListener,
): Promise<Hold> {
  const { names, waitMs } = asking;
  const { reason, lingerMs, minHoldMs } = options;
  const name = names.join(", ");
  return unlessAborted(
    lockOf(locks, asking).acquire({
      signal,
      reason,
      waitMs,
      lingerMs,
      minHoldMs,
      onWait: (position, holder) => listener.waiting(name, position, holder),
    }),
    signal,
  );
}

/** Lets go of what was won in the moment in which we were told to end. */
export async function unlessAborted<H extends Hold>(
  acquiring: Promise<H>,
  signal: AbortSignal,
): Promise<H> {
  const hold = await acquiring;
  if (!signal.aborted) return hold;
  await hold.release();
  throw signal.reason;
}

function lockOf(locks: Locks, { names, kind, permits }: Asking): Pick<Lock, "acquire"> {
  const [name = ""] = names;
  if (kind === "shared") return locks.rwLock(name).read;
  if (kind === "permits") return locks.semaphore(name, permits);
  return { acquire: (options) => locks.acquire(names, options) };
}

function exclude(args: Args, one: string, other: string): void {
  const isGiven = (name: string): boolean => args.flag(name) || args.text(name) !== undefined;
  if (isGiven(one) && isGiven(other))
    throw new UsageError(`--${one} and --${other} exclude each other`);
}
