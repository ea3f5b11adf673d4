import type { Args } from "../args.ts";
import { acquire, askingOf } from "../asking.ts";
import { exitCodeOf } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { keep } from "../lock/keep.ts";
import { Narrator } from "../run/narrator.ts";
import { checkStack } from "../run/stack.ts";
import { ToldToEnd } from "../told-to-end.ts";

/** Waits for a lock, says its token, and keeps it until it is told to let go. */
export async function run(args: Args, io: Io): Promise<number> {
  const asking = askingOf(args);
  const isJson = args.flag("json");
  const narrator = new Narrator(args, isJson ? io.stdout : io.stderr, "microlock lock");
  const end = new ToldToEnd(io, { heedsStdin: true });
  try {
    const locks = await io.connect(args, { ttlMs: asking.ttlMs, signal: end.signal });
    try {
      await checkStack(io.env, locks, asking.names);
      const reason = args.text("reason") ?? "microlock lock";
      const hold = await acquire(locks, asking, { reason }, end.signal, narrator);
      narrator.acquired(hold);
      if (!isJson) io.stdout.write(`${hold.fencingToken}\n`);
      return await keep(hold, end.signal, asking.lostExitCode, narrator);
    } finally {
      await locks.close();
    }
  } catch (error) {
    narrator.failed(error);
    return exitCodeOf(error, asking.conflictExitCode);
  } finally {
    end.close();
  }
}
