import { AlreadyLockedError, WouldDeadlockError } from "../../errors.ts";
import { onAbort } from "../../signals.ts";
import type { Args } from "../args.ts";
import { acquire, askingOf } from "../asking.ts";
import { exitCodeOf } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { keep } from "../lock/keep.ts";
import { StdinEnd } from "../lock/stdin-end.ts";
import { Narrator } from "../run/narrator.ts";
import { Signals } from "../run/signals.ts";
import { checkStack } from "../run/stack.ts";
import { SignalReceived } from "../signal-received.ts";

/** Waits for a lock, says its token, and keeps it until it is told to let go. */
export async function run(args: Args, io: Io): Promise<number> {
  const asking = askingOf(args);
  const isJson = args.flag("json");
  const narrator = new Narrator(args, isJson ? io.stdout : io.stderr, "microlock lock");
  const signals = new Signals(io);
  const stdin = new StdinEnd(io);
  // Whoever closes stdin before our turn has come does not want it any more.
  const told = new AbortController();
  onAbort(signals.waiting, () => told.abort(signals.waiting.reason));
  onAbort(stdin.signal, () => told.abort(new SignalReceived("SIGHUP")));
  try {
    const locks = await io.connect(args, { ttlMs: asking.ttlMs, signal: told.signal });
    try {
      await checkStack(io.env, locks, asking.names);
      const reason = args.text("reason") ?? "microlock lock";
      const hold = await acquire(locks, asking, reason, told.signal, narrator);
      narrator.acquired(hold);
      if (!isJson) io.stdout.write(`${hold.fencingToken}\n`);
      return await keep(hold, [told.signal], asking.lostExitCode, narrator);
    } finally {
      await locks.close();
    }
  } catch (error) {
    if (stdin.signal.aborted && error === told.signal.reason) {
      io.stderr.write("microlock lock: stdin was closed before our turn had come\n");
    }
    const isTaken = error instanceof AlreadyLockedError || error instanceof WouldDeadlockError;
    narrator.failed(error);
    return isTaken ? asking.conflictExitCode : exitCodeOf(error);
  } finally {
    signals.close();
    stdin.close();
  }
}
