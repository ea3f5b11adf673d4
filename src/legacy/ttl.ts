import { InvalidOptionError, InvalidTtlError } from "../errors.ts";

// The longest lease that etcd grants, in seconds.
const longestTtl = 9_000_000_000;

/**
 * The ttl in seconds that an argument of the 1.x class means: below 1 counts as 1. As in
 * 1.2.1, `null` counts as 1, and a string with a number in it as that number.
 *
 * @throws {InvalidTtlError} for everything that etcd could make nothing of: NaN, Infinity,
 *   and what is neither number nor string. 1.2.1 sent some of it.
 */
export function ttlOf(argument: unknown): number {
  if (argument === null) return 1;
  if (typeof argument !== "number" && typeof argument !== "string") throw new InvalidTtlError();
  const ttl = Math.max(1, Number(argument));
  if (!Number.isFinite(ttl)) throw new InvalidTtlError();
  return ttl;
}

/** The same for a lease: etcd v3 counts in whole seconds, and the lock must not end too early. */
export function leaseTtlOf(ttl: number): number {
  if (ttl > longestTtl) throw new InvalidOptionError("ttl", `at most ${longestTtl} seconds`, ttl);
  return Math.ceil(ttl);
}
