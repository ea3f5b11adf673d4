import type { Locks } from "../locks.ts";
import type { Args } from "./args.ts";
import type { Io } from "./io.ts";

/** Does something with a client, and closes it whatever happens: no lease is left behind. */
export async function withLocks<T>(
  args: Args,
  io: Io,
  work: (locks: Locks) => Promise<T>,
): Promise<T> {
  const locks = await io.connect(args);
  try {
    return await work(locks);
  } finally {
    await locks.close();
  }
}
