import { AlreadyLockedError } from "../../errors.ts";
import type { Args } from "../args.ts";
import { exitCodes } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { UsageError } from "../usage-error.ts";
import { withLocks } from "../with-locks.ts";

/** Waits until nobody holds a lock. */
export async function run(args: Args, io: Io): Promise<number> {
  const [name = ""] = args.operands;
  const waitMs = args.ms("wait");
  const isOnlyALook = args.flag("nonblock");
  if (isOnlyALook && waitMs !== undefined) {
    throw new UsageError("--nonblock and --wait exclude each other");
  }
  return withLocks(args, io, async (locks) => {
    try {
      await locks.untilFree(name, { waitMs: isOnlyALook ? 0 : waitMs, signal: io.signal });
      return exitCodes.ok;
    } catch (error) {
      if (error instanceof AlreadyLockedError && args.flag("quiet")) return exitCodes.busy;
      throw error;
    }
  });
}
