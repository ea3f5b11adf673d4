import type { LockEvent } from "../../core/lock-events.ts";
import type { LockWatch } from "../../core/watch-lock.ts";
import { WatchOverrunError } from "../../errors.ts";
import type { Locks } from "../../locks.ts";
import { followSignals } from "../../signals.ts";
import type { Args } from "../args.ts";
import { messageOf } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";
import { factsOfEvent, fieldsOfEvent, lineOfEvent } from "../show/event.ts";
import { printLine } from "../show/listing.ts";
import { followPulse } from "../show/pulse.ts";
import { visible } from "../show/visible.ts";
import { UsageError } from "../usage-error.ts";
import { withLocks } from "../with-locks.ts";

/** Tells what happens to locks, until the process is told to end. */
export async function run(args: Args, io: Io): Promise<number> {
  const [name] = args.operands;
  if (name !== undefined && args.text("prefix") !== undefined) {
    throw new UsageError("NAME and --prefix exclude each other");
  }
  return withLocks(args, io, async (locks) => {
    const over = new AbortController();
    const { signal, unfollow } = followSignals(io.signal, over.signal);
    const say = (text: string): void => io.stderr.write(`microlock watch: ${text}\n`);
    const pulse = followPulse(locks, signal, (change, error) => {
      say(change === "back" ? "etcd answers again" : `etcd does not answer: ${messageOf(error)}`);
    });
    try {
      for (;;) {
        const watch = watchOn(locks, args, signal);
        void watch.standing.then(() => {
          const what = name === undefined ? "locks" : visible(JSON.stringify(name));
          if (io.stderr.isTerminal && !signal.aborted) say(`watching ${what}; Ctrl-C ends this`);
        });
        try {
          await tellAll(watch, locks, args, io);
        } catch (error) {
          if (!(error instanceof WatchOverrunError)) throw error;
          say(`something is missing here. ${visible(error.message)}`);
        }
      }
    } finally {
      over.abort();
      unfollow();
      await pulse;
    }
  });
}

function watchOn(locks: Locks, args: Args, signal: AbortSignal): LockWatch {
  const [name] = args.operands;
  if (name !== undefined) return locks.watch(name, { signal });
  return locks.watch({ prefix: args.text("prefix"), signal });
}

async function tellAll(watch: LockWatch, locks: Locks, args: Args, { stdout }: Io): Promise<void> {
  const isForPeople = stdout.isTerminal || stdout.hasColour;
  const tell = (event: LockEvent, now: number): void => {
    if (args.flag("json")) stdout.write(`${jsonOf(factsOfEvent(event, now))}\n`);
    else if (isForPeople) printLine(stdout, lineOfEvent(event, now));
    else stdout.write(fieldsOfEvent(event, now));
  };
  for await (const event of watch) {
    tell(event, locks.clock.wallTime());
    await stdout.drained();
  }
}
