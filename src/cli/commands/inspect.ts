import type { Args } from "../args.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";
import { factsOfContender } from "../show/facts.ts";
import { fieldsOfContender, hintsOf, storyOf } from "../show/inspection.ts";
import { printLine } from "../show/listing.ts";
import { visible } from "../show/visible.ts";
import { withLocks } from "../with-locks.ts";

/** Shows who holds a lock, and who waits for it. */
export async function run(args: Args, io: Io): Promise<number> {
  const [name = ""] = args.operands;
  const { stdout, stderr, signal } = io;
  return withLocks(args, io, async (locks) => {
    const inspection = await locks.inspect(name, { signal });
    const { holders, waiters } = inspection;
    const isFree = holders.length === 0;
    if (args.flag("json")) {
      const facts = {
        name,
        holders: holders.map(factsOfContender),
        waiters: waiters.map(factsOfContender),
      };
      stdout.write(`${jsonOf(facts)}\n`);
      return isFree ? exitCodes.no : exitCodes.ok;
    }
    if (isFree) {
      stderr.write(`Nobody holds ${visible(JSON.stringify(name))}.\n`);
      return exitCodes.no;
    }
    if (stdout.isTerminal || stdout.hasColour) {
      const story = storyOf(inspection, locks.clock.wallTime(), stdout.columns);
      for (const line of story) printLine(stdout, line);
    } else {
      for (const holder of holders) stdout.write(fieldsOfContender(holder, 0));
      for (const [index, waiter] of waiters.entries()) {
        stdout.write(fieldsOfContender(waiter, index + 1));
      }
    }
    for (const hint of hintsOf(inspection, `${locks.keyOf(name)}/`)) stderr.write(`${hint}\n`);
    return exitCodes.ok;
  });
}
