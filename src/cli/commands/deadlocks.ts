import type { NamedQueue } from "../../core/list.ts";
import type { Args } from "../args.ts";
import { dotOf, factsOfDeadlocks, itemsOf, waitColumns } from "../deadlocks/show.ts";
import { type Deadlocks, deadlocksAmong } from "../deadlocks/waits.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Io, jsonOf } from "../io.ts";
import { Listing } from "../show/listing.ts";
import { UsageError } from "../usage-error.ts";
import { withLocks } from "../with-locks.ts";

/** Shows who waits for whom, and who for each other. */
export async function run(args: Args, io: Io): Promise<number> {
  if (args.flag("json") && args.flag("dot")) {
    throw new UsageError("--json and --dot exclude each other");
  }
  return withLocks(args, io, async (locks) => {
    const queues: NamedQueue[] = [];
    for await (const queue of locks.queues({ signal: io.signal })) {
      // Most locks are held by one, and nobody waits.
      if (queue.entries.length > 1) queues.push(queue);
    }
    const found = deadlocksAmong(queues);
    if (args.flag("json")) io.stdout.write(`${jsonOf(factsOfDeadlocks(found))}\n`);
    else if (args.flag("dot")) io.stdout.write(dotOf(found));
    else await list(found, locks.clock.wallTime(), io);
    return found.cycles.length > 0 ? exitCodes.no : exitCodes.ok;
  });
}

async function list(found: Deadlocks, now: number, { stdout, stderr }: Io): Promise<void> {
  const listing = new Listing(stdout, waitColumns);
  for (const item of itemsOf(found, now)) await listing.add(item);
  listing.end();
  const { waits, cycles } = found;
  if (cycles.length > 0) {
    const many = cycles.length === 1 ? "A cycle" : `${cycles.length} cycles`;
    stderr.write(
      `${many}: they wait for each other, unless their processes do several things at once. Look again in a minute; microlock release --force ends it.\n`,
    );
  } else if (stderr.isTerminal) {
    stderr.write(waits.length === 0 ? "Nobody waits for anybody.\n" : "No cycle.\n");
  }
}
